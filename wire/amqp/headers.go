package amqp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rabbitmq/amqp091-go"
)

// DroppedHeader is in place of the headers that could not be published: how many, and the names of some.
const DroppedHeader = "x-dropped-headers"

const (
	// maxHeaders bounds the table of headers, in bytes: half of the one frame of 128 KiB that has to hold all properties.
	maxHeaders = 64 << 10

	// maxEntries and maxNesting are what readers take: the client library that we share with others stops at 8192 entries
	// of one table or array, to which a broker may add, and at 32 tables within each other.
	maxEntries = 8000
	maxNesting = 32

	// droppedRoom is kept free for DroppedHeader: three names of 25 runes take up to 750 bytes when quoted.
	droppedRoom  = 1 << 10
	droppedNames = 3
)

// routing are headers that RabbitMQ sends copies by, whoever wrote them first
// (https://www.rabbitmq.com/docs/sender-selected).
var routing = []string{"CC", "BCC"}

// header is one entry of a table: its value as the library has to have it, and its length when encoded.
type header struct {
	key   string
	value any
	size  int
	first bool
}

// headersWithin is how many bytes of headers a connection carries whose largest frame has frameMax bytes (0: no limit).
func headersWithin(frameMax int) int {
	if frameMax == 0 {
		return maxHeaders
	}
	return min(maxHeaders, frameMax/2) // the rest holds seven short strings, in the smallest frame (4096) too
}

// boundHeaders keeps what fits into limit bytes: those that are named first, then the small before the large.
func boundHeaders(headers map[string]any, first []string, limit int) amqp091.Table {
	var fitting []*header
	var dropped []string
	for key, v := range headers {
		value, size := field(v, 1)
		if size == 0 || len(key) > maxShortStr || slices.Contains(routing, key) {
			dropped = append(dropped, key)
			continue
		}
		fitting = append(fitting, &header{key, value, 1 + len(key) + size, slices.Contains(first, key)})
	}
	// Of pointers, and of strings, package flag and crypto/x509 have the same instances: no code more.
	slices.SortFunc(fitting, func(a, b *header) int {
		if a.first != b.first && a.first {
			return -1
		}
		if a.first != b.first {
			return 1
		}
		return cmp.Or(cmp.Compare(a.size, b.size), strings.Compare(a.key, b.key))
	})
	table, room := amqp091.Table{}, limit-droppedRoom
	for _, h := range fitting {
		if room -= h.size; room < 0 || len(table) == maxEntries {
			dropped = append(dropped, h.key)
			continue
		}
		table[h.key] = h.value
	}
	if len(dropped) > 0 {
		slices.SortFunc(dropped, strings.Compare)
		table[DroppedHeader] = fmt.Sprintf("%d: %.25q", len(dropped), dropped[:min(len(dropped), droppedNames)])
	}
	return table
}

// field converts a value to a type that the library writes as it is meant, and tells its length with the byte for its type
// (https://www.rabbitmq.com/amqp-0-9-1-errata, §3). A length of 0 says that there is no such type.
func field(v any, depth int) (any, int) {
	switch v := v.(type) {
	case nil:
		return v, 1
	case bool, int8, uint8:
		return v, 2
	case int16, uint16:
		return v, 3
	case int32, uint32, float32:
		return v, 5
	case amqp091.Decimal:
		return v, 6
	case int64, float64, time.Time:
		return v, 9
	case int: // which the library cuts to 32 bits
		return int64(v), 9
	case string:
		return v, 5 + len(v)
	case []byte:
		return v, 5 + len(v)
	case []any:
		return array(v, depth)
	case map[string]any:
		return table(v, depth)
	case amqp091.Table:
		return table(v, depth)
	}
	return nil, 0
}

func array(list []any, depth int) (any, int) {
	if len(list) > maxEntries || depth > maxNesting {
		return nil, 0
	}
	out, total := make([]any, len(list)), 5
	for i, v := range list {
		value, size := field(v, depth+1)
		if size == 0 {
			return nil, 0
		}
		out[i], total = value, total+size
	}
	return out, total
}

func table(entries map[string]any, depth int) (any, int) {
	if len(entries) > maxEntries || depth > maxNesting {
		return nil, 0
	}
	out, total := make(amqp091.Table, len(entries)), 5
	for key, v := range entries {
		value, size := field(v, depth+1)
		if size == 0 || len(key) > maxShortStr {
			return nil, 0
		}
		out[key], total = value, total+1+len(key)+size
	}
	return out, total
}
