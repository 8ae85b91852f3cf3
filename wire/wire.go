// Package wire is the vocabulary that the protocols below it and the program above it share: where a daemon listens
// ([Addr]) and how it proves who it is ([TLS]), a message in our hands ([Delivery]) and what becomes of it ([Verdict]), and
// what is not to be told ([Secret]).
//
// The protocols themselves are in the folders below: http1 is the client side of RFC 9112 with hijacking, stdcopy is
// Docker's multiplexed stream, amqp is AMQP 0-9-1 as RabbitMQ speaks it, by github.com/rabbitmq/amqp091-go, and logfmt is
// what the log is written in. Below them socket reads and writes what package net has dialled. None of them knows what a container
// is. This package dials, by crypto/tls where TLS is asked for, and says no word on a connection beyond that; it verifies who
// answers unless it is told in so many words not to.
package wire
