package cmds

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// policySchemaText has the doors, the grants and the limits.
const policySchemaText = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"title": "Policy of docker-dispatch",
"type": "object",
"additionalProperties": false,
"properties": {
"Verbs": {"type": "object", "additionalProperties": false, "properties": {
%s}},
"Images": {"$ref": "#/$defs/permit", "description": "images of runs and pulls; a short name is docker.io's"},
"Grants": {"anyOf": [{"const": true}, {"type": "object", "additionalProperties": false, "properties": {
%s}}]},
"Limits": {"type": "object", "additionalProperties": false, "properties": {
%s}},
"Harden": {"type": "boolean", "description": "new containers get no new privileges, no capabilities but granted ones, and limits of processes and logs"}
},
"$defs": {
"permit": {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/patterns"}]},
"patterns": {"type": "array", "items": {"type": "string", "minLength": 1}}
}
}
`

// WritePolicySchema writes the JSON Schema of a policy's file, draft 2020-12. It stops unknown keys and values of another type.
func WritePolicySchema(w io.Writer) error {
	var verbs, grants, bounds []string
	for i := range doors {
		verbs = append(verbs, fmt.Sprintf(`%q: %s`, doors[i].name, doors[i].schema()))
	}
	for _, name := range grantNames() {
		kind := kindOf(name)
		grants = append(grants, fmt.Sprintf(`%q: {%s, "description": %q}`, name, kind.schema(), kind.description()))
	}
	for _, r := range resources {
		bounds = append(bounds, fmt.Sprintf(`%q: {"type": "object", "additionalProperties": false, "properties": {%s}}`, r.name, r.schema()))
	}
	_, err := fmt.Fprintf(w, policySchemaText, strings.Join(verbs, ",\n"), strings.Join(grants, ",\n"), strings.Join(bounds, ",\n"))
	return err
}

func (d *door) schema() string {
	choices := []string{`{"type": "boolean"}`}
	if d.object != "" && !d.makes {
		choices = append(choices, `{"const": "own"}`)
	}
	if d.object != "" && d.name != "ps" {
		choices = append(choices, `{"$ref": "#/$defs/patterns"}`)
	}
	return `{"anyOf": [` + strings.Join(choices, ", ") + `], "description": "without it: ` + d.standard().text() + `"}`
}

// text is what a permit of a door is, for people.
func (p permit) text() string {
	switch {
	case p.all:
		return "true"
	case p.own:
		return "own"
	}
	return "false"
}

func (k grantKind) schema() string {
	if k.pattern == "" {
		return `"$ref": "#/$defs/permit"`
	}
	return `"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string", "pattern": "` + k.pattern + `"}}]`
}

func (k grantKind) description() string {
	text := cmp.Or(k.what, k.name)
	if len(k.usual) > 0 {
		text += "; without it: " + strings.Join(k.usual, ", ")
	}
	return text
}

func (r *resourceKey) schema() string {
	value := `{` + r.kind.schema() + `}`
	text := `"Max": ` + value
	if r.usual {
		text += `, "Default": ` + value
	}
	return text
}
