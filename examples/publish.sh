#!/bin/sh
# publish.sh [-q QUEUE] [FILE...]: sends each FILE, or else standard input, as one persistent message to a queue of RabbitMQ.
#
# Uses amqp-publish (apt-get install amqp-tools) with the broker at $AMQP_URL, or rabbitmqadmin (of the broker's management plugin)
# with the broker of its own settings. Neither gives messages an id, nor fails when there is no such queue and the message is lost:
# publish.go and publish.py do both. amqp-publish also shows the password of $AMQP_URL to whoever may list this machine's processes.
set -eu

queue=docker-dispatch
if [ "${1-}" = -q ]; then
    queue=$2
    shift 2
fi
[ $# -gt 0 ] || set -- /dev/stdin

# A URI that ends in / names the default vhost for docker-dispatch, and one without a name for amqp-publish.
uri=${AMQP_URL:-amqp://guest:guest@localhost:5672/}
uri=${uri%/}

if command -v amqp-publish >/dev/null; then
    publish() {
        amqp-publish --url="$uri" \
            --routing-key="$queue" --persistent --content-type=application/json
    }
elif command -v rabbitmqadmin >/dev/null; then
    publish() {
        rabbitmqadmin publish exchange=amq.default routing_key="$queue" \
            properties='{"delivery_mode":2,"content_type":"application/json"}'
    }
else
    echo "publish.sh: neither amqp-publish (apt-get install amqp-tools) nor rabbitmqadmin is here" >&2
    exit 1
fi

for file; do
    publish <"$file"
done
