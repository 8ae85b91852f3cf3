//go:build unix && !solaris && !aix

package cmds

import (
	"fmt"
	"os"
	"syscall"
)

// lockFile holds a file, which is made if it is not there, against every other process until it is closed.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, usesMode)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("%.200q: another dispatcher holds it (%w); give each a file of its own", path, err)
	}
	return file, nil
}
