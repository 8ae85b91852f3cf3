package cmds

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var errSize = errors.New(`not a size (try "512m" or "2g")`)

// parseSize reads bytes: a number, that may have a fraction, and k, m, g, t or p for powers of 1024, in any letter case, which
// b or ib may follow.
func parseSize(s string) (any, error) {
	end := strings.LastIndexAny(s, "0123456789. ") + 1
	number, unit := strings.TrimSuffix(s[:end], " "), strings.ToLower(s[end:])
	n, err := strconv.ParseFloat(number, 64)
	power := 0
	switch {
	case err != nil, strings.ContainsAny(number, "xX_"):
		return nil, errSize
	case unit != "" && unit != "b":
		prefix := strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i")
		power = 1 + strings.Index("kmgtp", prefix)
		if len(prefix) != 1 || power == 0 || unit == prefix+"i" {
			return nil, errSize
		}
	}
	n = math.Ldexp(n, 10*power)
	if !(n >= 0 && n < math.MaxInt64) {
		return nil, errSize
	}
	return int64(n), nil
}

// parseSwap is parseSize, or -1 for as much as there is.
func parseSwap(s string) (any, error) {
	if s == "-1" {
		return int64(-1), nil
	}
	n, err := parseSize(s)
	if err != nil {
		err = errors.New(`not a size (try "512m" or "2g", or -1 for no limit)`)
	}
	return n, err
}

// nanoDigits are those of a billionth.
const nanoDigits = 9

// parseCPUs reads a decimal number into billionths.
func parseCPUs(s string) (any, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > nanoDigits {
		return nil, errors.New("too precise: a billionth is the least part of a CPU")
	}
	digits := whole + fraction + strings.Repeat("0", nanoDigits-len(fraction))
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || whole+fraction == "" && s != "0" {
		return nil, errors.New("not a number of CPUs (try 1.5)")
	}
	return int64(n), nil
}

// parseDuration reads a time with its unit into nanoseconds.
func parseDuration(s string) (any, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return nil, errors.New(`not a time with its unit (try "30s" or "1m30s")`)
	}
	return int64(d), nil
}

// readWhole takes what fits into 64 bits, as docker's int flags do.
func readWhole(key string, raw json.RawMessage) (any, error) {
	return readBetween(key, raw, math.MinInt64, math.MaxInt64)
}

// readCount takes what is not negative.
func readCount(key string, raw json.RawMessage) (any, error) {
	return readBetween(key, raw, 0, math.MaxInt32)
}

// readSwappiness is a percentage, or -1 for the Engine's own.
func readSwappiness(key string, raw json.RawMessage) (any, error) {
	return readBetween(key, raw, -1, 100)
}

func readWeight(key string, raw json.RawMessage) (any, error) {
	return readBetween(key, raw, 0, math.MaxUint16)
}

func readBetween(key string, raw json.RawMessage, least, most int64) (int64, error) {
	const want = "not a whole number (without quotes)"
	var n int64
	err := decodeInto(&n, key, raw, want)
	if err == nil && (n < least || n > most) {
		err = &Invalid{key, excerpt(raw), fmt.Sprintf("not a whole number from %d to %d", least, most)}
	}
	return n, err
}
