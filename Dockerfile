# The image: the static binary FROM scratch, with the CA certificates that amqps:// needs, and nothing else.
#
#   docker build -t docker-dispatch .
#   docker run -d -v /var/run/docker.sock:/var/run/docker.sock \
#       -e DOCKER_DISPATCH_NAME=worker-1 -e AMQP_URL=amqp://user:password@broker:5672/ docker-dispatch
#
# DOCKER_DISPATCH_NAME matters: a container's host name is another at each start. It runs as root, since the group of the
# Engine's socket has another number on each host; with the socket's own group it needs no root:
#
#   --user 65534:$(stat -c %g /var/run/docker.sock)
#
# Either way whoever may write to the queue commands the Engine, and with it the host.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/docker-dispatch /docker-dispatch
ENTRYPOINT ["/docker-dispatch"]
