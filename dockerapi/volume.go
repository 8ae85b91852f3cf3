package dockerapi

import (
	"context"
)

// Volume is a row of the list of volumes.
type Volume struct {
	Name   string
	Labels map[string]string // those that were asked for
}

// VolumeCreate makes an empty volume of the driver local. One that is there already stays as it is, labels too; that is no
// error.
func (c *Client) VolumeCreate(ctx context.Context, name string, labels map[string]string) error {
	body := struct {
		Name   string
		Driver string
		Labels map[string]string
	}{name, "local", labels}
	return c.do(ctx, volumeCreate, args{body: body}, nil)
}

// VolumeList lists the volumes that have all the labels, each as key or key=value, in no order. Of the labels of each it brings
// those in keep.
func (c *Client) VolumeList(ctx context.Context, keep []string, labels ...string) (all []Volume, err error) {
	err = c.list(ctx, volumeList, labelled(labels), keep, func(l *listing) error {
		return l.object(func(key string) error {
			if key != "Volumes" {
				return l.skip()
			}
			return l.array(func() error {
				row, err := l.volume()
				all = append(all, row)
				return err
			})
		})
	})
	return all, err
}

// volume reads a row.
func (l *listing) volume() (row Volume, err error) {
	err = l.object(func(key string) error {
		switch key {
		case "Name":
			return l.text(&row.Name)
		case "Labels":
			return l.labels(&row.Labels)
		}
		return l.skip()
	})
	return row, err
}

// VolumeDelete removes a volume. One that is not there is *Error 404, one that a container has 409.
func (c *Client) VolumeDelete(ctx context.Context, name string) error {
	return c.do(ctx, volumeDelete, args{id: name}, nil)
}
