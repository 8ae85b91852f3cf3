#!/usr/bin/env python3
"""Sends each FILE, or else standard input, as one persistent message to a queue of RabbitMQ; the broker is at $AMQP_URL.

    publish.py [-q QUEUE] [FILE...]

Needs pika (apt-get install python3-pika, or pip install pika). It fails when the broker has not confirmed a message, or has no such
queue: docker-dispatch makes its own at start.
"""

import argparse
import os
import sys
import uuid

import pika
from pika.exceptions import AMQPError, UnroutableError


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-q", metavar="QUEUE", dest="queue", default="docker-dispatch")
    parser.add_argument("files", metavar="FILE", nargs="*", default=["/dev/stdin"])
    args = parser.parse_args()

    try:
        broker = pika.URLParameters(os.environ.get("AMQP_URL") or "amqp://guest:guest@localhost:5672/%2F")
    except ValueError:  # it is not shown: it may hold a password
        sys.exit("publish.py: AMQP_URL has a wrong syntax; it is like amqp://user:password@host:5672/vhost")
    try:
        with pika.BlockingConnection(broker) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for name in args.files:
                publish(channel, args.queue, name)
    except UnroutableError:
        sys.exit(f"publish.py: no queue {args.queue!r}: start docker-dispatch -q {args.queue} first")
    except AMQPError as error:
        sys.exit(f"publish.py: {error!r}")


def publish(channel, queue, name):
    with open(name, "rb") as file:
        body = file.read()
    message_id = str(uuid.uuid4())
    properties = pika.BasicProperties(
        message_id=message_id,
        content_type="application/json",
        delivery_mode=2,  # persistent
    )
    channel.basic_publish("", queue, body, properties, mandatory=True)
    print(message_id)


if __name__ == "__main__":
    main()
