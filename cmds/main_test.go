package cmds

import (
	"testing"

	"docker-dispatch/wire/wiretest"
)

func TestMain(m *testing.M) { wiretest.Main(m) }
