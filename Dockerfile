# The image: the static binary FROM scratch, with the CA certificates that amqps:// needs, and nothing else.
#
#   docker build -t docker-dispatch .
#   docker run -d --read-only --cap-drop ALL --security-opt no-new-privileges \
#       --group-add $(stat -c %g /var/run/docker.sock) -v /var/run/docker.sock:/var/run/docker.sock \
#       -e DOCKER_DISPATCH_NAME=worker-1 -e AMQP_URL=amqp://user:password@broker:5672/ docker-dispatch
#
# DOCKER_DISPATCH_NAME matters: a container's host name is another at each start. It runs as nobody, and takes part in the group
# of the Engine's socket, whose number is another on each host. It writes no file and needs no capability.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/docker-dispatch /docker-dispatch
USER 65534:65534
ENTRYPOINT ["/docker-dispatch"]
