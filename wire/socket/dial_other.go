//go:build !linux || 386

package socket

import "net"

// DialUnix connects to the unix socket of that path, and returns what New makes of the connection.
func DialUnix(path string) (net.Conn, error) {
	nc, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	return New(nc), nil
}
