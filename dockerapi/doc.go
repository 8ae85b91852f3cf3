// Package dockerapi speaks the Docker Engine's REST API: the few operations that the program needs, each a row of the
// table in calls.go. Those with a story of their own are methods of [Client]; each other one is an [Action], which Client.Act
// does. It knows containers, execs, images, networks and volumes; it does not know why anybody wants them.
//
// The contract is moby's api/swagger.yaml. Versions 1.41 (Engine 20.10) to 1.55 are spoken, negotiated by GET /_ping. An
// answer that says no is an [*Error], with the Engine's own words; no answer, or none within the limit that the table has, is
// a [*NoAnswer], which says whether the Engine may have acted. The outputs of a container, from attach, exec and log
// alike, are a [Stream]. Whoever sets Client.Admit is asked before every request and told how it went. [Calls] are the table for others to
// read, which CallFormats write down, as the rules of socket proxies too.
//
// Refused are: a request that is not in the table, a query key that is not in its row, an Engine older than 1.41, and
// answers that are larger than they have reason to be.
package dockerapi
