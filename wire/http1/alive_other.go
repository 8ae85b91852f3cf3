//go:build !linux && !darwin

package http1

import "net"

// alive cannot look at the socket here: a connection that the peer has closed is found by the request that fails on it.
func alive(net.Conn) bool { return true }

// ready and await cannot either.
func ready(net.Conn) (bool, error) { return false, nil }

func await(net.Conn) error { return nil }
