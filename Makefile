# make         the static binary, bin/docker-dispatch
# make demo    run, stop and remove containers from messages in RabbitMQ, for real
# make test    every check there is, against a real Engine and a real broker
#
# make chaos   messages, while everything is killed, cut and restarted, for TIME=10m
# make soak    full speed for TIME=20m: memory and descriptors stay as they are
# make bench   the program beside the same loop on Docker's SDK and others, about an hour: see bench/README.md
# make matrix  the end-to-end tests against the Engines and brokers in ENGINES and BROKERS: see scripts/matrix
#
# demo and test use the Engine at $DOCKER_HOST and the broker at $AMQP_URL, or local ones, which they install and start when they
# are missing (as root on Debian or Ubuntu).

# The binary may have this many bytes: the dependency and the standard packages it needs are 5.8 million of them.
MAX_SIZE := 6500000

# How it gets there: functions are inlined into each other only in the packages where that is seen in time (-190 kB) or makes
# them smaller, there is no code to put small slices of unknown length on the stack, as up to Go 1.24 (-17 kB), and functions begin at
# any byte instead of each 32nd (-120 kB). A plain go build works as well.
HOT := runtime/... unicode/utf8 docker-dispatch/wire/socket docker-dispatch/wire/stdcopy crypto/sha256 crypto/internal/fips140/sha256
SMALLER := crypto/cipher crypto/internal/entropy/v1.0.0 crypto/internal/fips140/aes/gcm crypto/internal/fips140/drbg \
	crypto/internal/fips140/edwards25519 crypto/internal/fips140/sha3 crypto/mlkem encoding/base64 encoding/hex errors flag \
	hash/crc32 hash/maphash internal/bisect internal/byteorder internal/chacha8rand internal/cpu internal/filepathlite \
	internal/fmtsort internal/oserror internal/reflectlite internal/runtime/cgroup internal/runtime/gc/scan internal/runtime/sys \
	internal/strconv internal/syscall/unix internal/testlog io io/fs math math/bits math/rand math/rand/v2 net/netip net/url os \
	path/filepath strconv sync/atomic unicode unique vendor/golang.org/x/crypto/internal/poly1305 \
	vendor/golang.org/x/net/dns/dnsmessage vendor/golang.org/x/sys/cpu
SMALL := -gcflags=all="-l -d=variablemakethreshold=0" $(patsubst %,-gcflags=%=,$(HOT) $(SMALLER)) -ldflags "-s -w -funcalign=1"

# How long each fuzz target runs: some seconds. A count and not a time, since a worker that is busy when a time is over makes
# go test fail with "context deadline exceeded" now and then.
FUZZTIME ?= 20000x

STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Not looked for: unsafe, by which passwords are taken out of the process's title (G103), errors after which nothing can be done (G104),
# conversions, whose bounds are checked (G115), files that the operator names (G304), -tls without -tlsverify, which is warned about
# (G402), and random numbers that spread delays (G404). bench is no part of the program, and starts what it is told to.
GOSEC := go run github.com/securego/gosec/v2/cmd/gosec@v2.22.4 -quiet -exclude=G103,G104,G115,G304,G402,G404 -exclude-dir=bench
BINARY := bin/docker-dispatch

# How many tests wait at once: for containers and restarts, mostly.
PARALLEL := 4

.PHONY: build test demo chaos soak bench matrix lint fuzz size daemons needs image scratch clean

build:
	CGO_ENABLED=0 go build -trimpath $(SMALL) -o $(BINARY) .

test: daemons needs image scratch lint size fuzz
	scripts/demo
	DOCKER_DISPATCH_E2E=1 CGO_ENABLED=1 go test -race -count=1 -parallel $(PARALLEL) -timeout 15m ./...

chaos: TIME ?= 10m
chaos: daemons needs image
	CHAOS_TIME=$(TIME) DOCKER_DISPATCH_E2E=1 CGO_ENABLED=1 go test -race -count=1 -v -timeout 0 -run TestChaos .

soak: TIME ?= 20m
soak: daemons
	SOAK_TIME=$(TIME) DOCKER_DISPATCH_E2E=1 go test -count=1 -v -timeout 0 -run TestSoak .

bench: daemons image
	cd bench && go run . -json bench.json -svg curves.svg

matrix: daemons
	scripts/matrix

demo: daemons image build
	scripts/demo

# The programs of single files are no part of ./... and are vetted by name.
lint:
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "not gofmt's: $$unformatted"; exit 1; }
	go vet ./...
	go vet examples/publish.go
	go vet scripts/queue.go
	cd bench && go vet ./...
	$(STATICCHECK) ./...
	$(GOSEC) ./...
	scripts/vulnerabilities

# make fuzz TIME=1h runs each target for an hour.
fuzz: TIME ?= $(FUZZTIME)
fuzz:
	scripts/fuzz $(TIME)

size: build
	@size=$$(wc -c <$(BINARY)); echo "$(BINARY): $$size bytes of at most $(MAX_SIZE)"; test "$$size" -le $(MAX_SIZE)

daemons:
	scripts/daemons

# What the tests need beside: daemons of their own, and the race detector.
needs:
	scripts/need gcc=gcc /usr/include/stdlib.h=libc6-dev dockerd=docker.io rabbitmqctl=rabbitmq-server ip=iproute2

image: daemons
	scripts/image

scratch: daemons build
	scripts/scratch $(BINARY)

clean:
	rm -rf bin
