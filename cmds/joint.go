package cmds

// complete makes of the options of a new container what they mean together, and refuses those that do not go together: as docker's CLI
// does, or the Engine always would. Told says that the Engine is told what is attached.
func (c *Command) complete(told bool) error {
	c.openStreams(told)
	if err := c.publish(); err != nil {
		return err
	}
	if err := c.connect(); err != nil {
		return err
	}
	return c.agree()
}

// openStreams opens the container's standard input when that is attached: once, so that the end of ours is the end of its. As docker
// has it, Interactive attaches it to whatever is attached, and leaves it open to nobody where nothing is.
func (c *Command) openStreams(told bool) {
	c.Attach.Tty = c.Body["Tty"] == true
	interactive := c.Body["OpenStdin"] == true
	c.Attach.Stdin = c.Attach.Stdin || interactive && c.Attached()
	if !told {
		return
	}
	c.set("AttachStdin", c.Attach.Stdin)
	c.set("AttachStdout", c.Attach.Stdout)
	c.set("AttachStderr", c.Attach.Stderr)
	c.set("OpenStdin", c.Attach.Stdin || interactive)
	c.set("StdinOnce", c.Attach.Stdin)
}

// agree holds options against each other.
func (c *Command) agree() error {
	limit := func(name string) int64 {
		n, _ := at(c.Body, "HostConfig."+name).(int64)
		return n
	}
	memory, swap := limit("Memory"), limit("MemorySwap")
	switch {
	case c.Remove && c.restarts():
		return &Invalid{Key: "Options.Restart", Problem: "a container with Remove cannot be restarted; leave one of the two out"}
	case c.restarts() && c.Retries > 0 && c.RetryOn.needsExit():
		return &Invalid{Key: "Options.Retries", Problem: `with Restart the Engine itself goes on with the container; leave one of the two out, or set RetryOn to ["engine"]`}
	case c.restarts() && len(c.ExitCodes) > 0:
		return &Invalid{Key: "Options.ExitCodes", Problem: "with Restart the Engine goes on with the container, whatever its exit code means; leave one of the two out"}
	case c.noHealthcheck && c.Body["Healthcheck"] != nil:
		return &Invalid{Key: "Options.NoHealthcheck", Problem: "given together with Health… options"}
	case c.noHealthcheck:
		c.set("Healthcheck.Test", []string{"NONE"})
	}
	switch {
	case swap > 0 && memory == 0 && c.Verb != "update":
		return &Invalid{Key: "Options.MemorySwap", Problem: "it needs Options.Memory, whose limit it includes"}
	case swap > 0 && swap < memory:
		return &Invalid{Key: "Options.MemorySwap", Problem: "it is less than Options.Memory, whose limit it includes"}
	case memory > 0 && limit("MemoryReservation") > memory:
		return &Invalid{Key: "Options.MemoryReservation", Problem: "it is more than Options.Memory"}
	case limit("NanoCpus") > 0 && (limit("CpuPeriod") > 0 || limit("CpuQuota") > 0):
		return &Invalid{Key: "Options.Cpus", Problem: "it stands for CpuPeriod and CpuQuota; leave these out"}
	case at(c.Body, "HostConfig.LogConfig.Type") == "none" && at(c.Body, "HostConfig.LogConfig.Config") != nil:
		return &Invalid{Key: "Options.LogOpt", Problem: "the log driver none has no options"}
	}
	return nil
}

// restarts says whether the Engine runs the container again when it has exited.
func (c *Command) restarts() bool {
	policy, _ := at(c.Body, "HostConfig.RestartPolicy.Name").(string)
	return policy != "" && policy != "no"
}
