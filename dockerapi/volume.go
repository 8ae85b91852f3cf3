package dockerapi

import (
	"context"
	"encoding/json"
	"net/url"
)

// Volume is a row of the list of volumes.
type Volume struct {
	Name   string
	Labels map[string]string
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

// VolumeList lists the volumes that have all the labels, each as key or key=value, in no order.
func (c *Client) VolumeList(ctx context.Context, labels ...string) ([]Volume, error) {
	var list struct{ Volumes []Volume }
	err := c.do(ctx, volumeList, args{query: labelled(labels)}, &list)
	return list.Volumes, err
}

// VolumeDelete removes a volume. One that is not there is *Error 404, one that a container has 409.
func (c *Client) VolumeDelete(ctx context.Context, name string) error {
	return c.do(ctx, volumeDelete, args{id: name}, nil)
}

// labelled is the query of a list of what has all the labels.
func labelled(labels []string) url.Values {
	filters, _ := json.Marshal(map[string][]string{"label": labels}) // strings can always be said in JSON
	return url.Values{"filters": {string(filters)}}
}
