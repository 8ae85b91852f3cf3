package amqp

import "testing"

func TestLoginName(t *testing.T) {
	const external = "?certfile=c&keyfile=k&auth_mechanism=external"
	for uri, want := range map[string]string{
		"amqp://":                                 "guest",
		"amqp://dispatch@broker":                  "dispatch",
		"amqp://a%40b:c@one:5672,two/v":           "a@b",
		"amqps://broker/?auth_mechanism=amqplain": "guest",
		"amqps://broker/" + external:              "",
		"amqps://me:pw@broker/" + external + "&auth_mechanism=plain": "",
		"x": "",
	} {
		if got := Login(uri); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}
