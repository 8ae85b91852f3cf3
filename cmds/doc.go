// Package cmds is the program's own language and its opinions: what a message means, what is done for it, what is said of
// it, and how it is settled.
//
// A message goes one way. [Decode] makes a [Message] of a delivery's bytes, [Resolve] makes a [Command] of that by the
// tables in command.go and options.go, a [Policy] allows it or not, an [Engine] does it and returns a [Result], the [Dispatcher] prints the result and
// settles the delivery as the table in failure.go says. [Host] is the Engine of one Docker daemon; what it reads from
// containers goes to a [Printer] by way of [Streams].
//
// The options of a run are those of docker run, in its CLI's syntax: a row each in options.go, with parsers by subject (size.go,
// mount.go, network.go, publish.go, device.go, security.go, environment.go), and joint.go for what they mean together. The reference
// is https://docs.docker.com/reference/cli/docker/container/run/, and the CLI itself, by testdata/oracle.txt.
//
// The policy judges the finished body (policy.go, policy_rules.go) and whom a command reaches (reach.go). Before all that a [Verifier]
// looks at the signature of a message (signature.go, signed.go), if the operator wants that.
//
// Nothing is remembered outside the Engine but the signatures that are used (uses.go). A container carries in its labels whose it is (identity.go), is found by them
// when its message comes again (record.go), is marked when the broker has been told to forget the message (claim.go), is
// finished by the process after this one (resume.go), and goes when the broker is known to have its acknowledgement
// (removal.go). Within one process the ledger knows what is in hand (ledger.go). An [Audit] has what was asked of the Engine, and for
// which message (audit.go).
//
// Refused are messages that mean anything but one thing: unknown or repeated keys, wrong types, a second JSON value. The
// package opens no connection: deliveries are handed to it, and the daemon is behind package dockerapi.
package cmds
