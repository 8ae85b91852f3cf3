// Package wire is the vocabulary that the protocols below it and the program above it share: where a daemon listens
// ([Addr]), a message in our hands ([Delivery]) and what becomes of it ([Verdict]).
//
// The protocols themselves are in the folders below: http1 is the client side of RFC 9112 with hijacking, stdcopy is
// Docker's multiplexed stream, and amqp is AMQP 0-9-1 as RabbitMQ speaks it, by github.com/rabbitmq/amqp091-go. None of
// them knows what a container is. This package imports the standard library only and refuses to know more than names and
// addresses: it neither speaks nor decides.
package wire
