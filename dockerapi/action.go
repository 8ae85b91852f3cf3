package dockerapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
)

// Action is an operation that is one call with a short answer, or none, which is for others to read. Client.Act does it.
type Action struct{ op call }

// The simple operations. Query keys and bodies are those of moby's api/swagger.yaml; of the keys, the calls table has those that
// may be sent. What an action is about and is not there is *Error 404.
var (
	ContainerDelete  = Action{containerDelete}  // query: v, force, link; one that runs is *Error 409 without force
	ContainerInspect = Action{containerShow}    // query: size
	ContainerKill    = Action{containerKill}    // query: signal, a name or a number, KILL by default; one that does not run is *Error 409
	ContainerList    = Action{containerPs}      // no ID; query: all, limit, size, filters
	ContainerPause   = Action{containerPause}   // one that does not run, or is paused, is *Error 409
	ContainerRename  = Action{containerRename}  // query: name
	ContainerRestart = Action{containerRestart} // query: as ContainerStop; one that does not run is started
	ContainerStop    = Action{containerStop}    // query: t, in seconds; signal, from API 1.42 on; one that does not run is none the worse
	ContainerUnpause = Action{containerUnpause} // one that is not paused is *Error 500
	ContainerUpdate  = Action{containerUpdate}  // body: the resources and the restart policy

	ImageDelete  = Action{imageDelete} // query: force, noprune; one that a container has is *Error 409
	ImageInspect = Action{imageInspect}

	NetworkConnect    = Action{networkConnect}    // body: the container and how it is connected; one that runs and is connected is *Error 403
	NetworkCreate     = Action{networkCreate}     // no ID; body: the name and all else
	NetworkDelete     = Action{networkDelete}     // one that running containers have is *Error 403
	NetworkDisconnect = Action{networkDisconnect} // body: the container
	NetworkInspect    = Action{networkInspect}

	VolumeCreate  = Action{volumeCreate} // no ID; body: the name and all else; one that is there already stays as it is
	VolumeDelete  = Action{volumeDelete} // query: force; one that a container has is *Error 409
	VolumeInspect = Action{volumeInspect}
)

// Request is what varies of an Action.
type Request struct {
	ID    string     // name or id of what the action is about, of an image a reference too; "" where an action has none
	Query url.Values //
	Body  any        // to be sent as JSON; nil is none
	Place *Place     // of who holds the answer; nil is only while it is read
}

// Act does an action and returns the Engine's answer: JSON of at most 4 MiB, nil where there is none.
func (c *Client) Act(ctx context.Context, a Action, r Request) (json.RawMessage, error) {
	place := r.Place
	if place == nil {
		place = c.Place()
		defer place.Release()
	}
	body, err := c.whole(ctx, a.op, args{id: r.ID, query: r.Query, body: r.Body}, reading{place: place, limit: shownLen})
	if err == nil && len(body) > 0 && !json.Valid(body) {
		err = &Garbled{calls[a.op].operation, errors.New("the answer is not JSON")}
	}
	if err != nil || len(body) == 0 {
		place.Release()
		return nil, err
	}
	return body, nil
}
