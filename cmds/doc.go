// Package cmds is the program's own language and its opinions: what a message means, what is done for it, what is said of
// it, and how it is settled.
//
// A message goes one way. [Decode] makes a [Message] of a delivery's bytes, [Resolve] makes a [Command] of that by the
// tables in command.go and options.go, an [Engine] does it and returns a [Result], the [Dispatcher] prints the result and
// settles the delivery as the table in failure.go says. [Host] is the Engine of one Docker daemon; what it reads from
// containers goes to a [Printer] by way of [Streams].
//
// Refused are messages that mean anything but one thing: unknown or repeated keys, wrong types, a second JSON value. The
// package opens no connection: deliveries are handed to it, and the daemon is behind package dockerapi.
package cmds
