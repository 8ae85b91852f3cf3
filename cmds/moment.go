package cmds

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// momentLayouts are the forms of a point in time that docker's CLI takes, the zone left out or not.
var momentLayouts = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02T15Z07:00", "2006-01-02T15", "2006-01-02Z07:00", "2006-01-02"}

// parseMoment reads a point in time as seconds since 1970, with a fraction or without: what is in them already, a date and time,
// UTC where it names no zone, or a time before now.
func parseMoment(s string) (any, error) {
	if ago, err := time.ParseDuration(s); err == nil && s != "0" {
		return strconv.FormatInt(time.Now().Add(-ago).Unix(), 10), nil
	}
	for _, layout := range momentLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return strconv.FormatInt(t.Unix(), 10) + "." + strconv.Itoa(1e9 + t.Nanosecond())[1:], nil
		}
	}
	seconds, fraction, _ := strings.Cut(s, ".")
	if _, err := strconv.ParseUint(seconds, 10, 63); err != nil || !isDigits(fraction) || len(fraction) > 9 {
		return nil, errors.New(`not a time (try "2026-01-02T13:23:37Z" or "42m")`)
	}
	return s, nil
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// parseTail reads how many lines of a log's end are wanted.
func parseTail(s string) (any, error) {
	if s == "" || s != "all" && !isDigits(s) {
		return nil, errors.New(`not a number of lines (try 100 or "all")`)
	}
	return s, nil
}
