package cmds

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// schemas are the kinds' values in JSON Schema's keywords: of all that are read from JSON, and of those in docker's syntax that are
// less than all texts of their shape. They let pass whatever the kind reads, and may let pass more.
var schemas = [...]kindSchema{
	{&kindFlag, `"type": "boolean"`},
	{&kindSeconds, `"type": "integer", "minimum": -1, "maximum": 2147483647`},
	{&kindWords, `"type": "array", "items": {"type": "string"}`},
	{&kindArgv, `"type": ["string", "array"], "items": {"type": "string"}`},
	{&kindText, `"type": "string"`},
	{&kindBase64, `"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/=\r\n]*$"`},
	{&kindImage, `"type": "string", "maxLength": 1024, "pattern": "^[!-~]+$"`},
	{&kindName, `"$ref": "#/$defs/name"`},
	{&kindContainer, `"$ref": "#/$defs/name"`},
	{&kindLinked, `"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}(/[a-zA-Z0-9][a-zA-Z0-9_.-]{0,253})?$"`},
	{&kindObject, `"type": "string", "minLength": 1, "maxLength": 255`},
	{&kindPath, `"type": "string", "minLength": 1`},
	{&kindStreams, `"anyOf": [{"$ref": "#/$defs/stream"}, {"type": "array", "items": {"$ref": "#/$defs/stream"}}]`},
	{&kindTimeout, `"type": "number", "exclusiveMinimum": 0, "maximum": 31536000`},
	{&kindClaim, `"anyOf": [{"const": 0}, {"const": "never"}, {"$ref": "#/$defs/time"}]`},
	{&kindRetries, `"type": "integer", "minimum": 0, "maximum": 90`},
	{&kindRetryOn, `"type": "array", "items": {"anyOf": [{"enum": ["exit", "timeout", "interrupted", "engine"]}, {"type": "integer", "minimum": 1, "maximum": 255}]}`},
	{&kindExitCodes, `"type": "object", "propertyNames": {"pattern": "^(0|[1-9][0-9]{0,2})$"}, "additionalProperties": {"enum": ["retry", "dead"]}`},
	{&kindWhole, `"type": "integer"`},
	{&kindCount, `"type": "integer", "minimum": 0, "maximum": 2147483647`},
	{&kindWeight, `"type": "integer", "minimum": 0, "maximum": 65535`},
	{&kindSwappiness, `"type": "integer", "minimum": -1, "maximum": 100`},
	{&kindDuration, `"$ref": "#/$defs/time"`},
	{&kindCgroupns, `"enum": ["", "host", "private"]`},
	{&kindHostMode, `"enum": ["", "host"]`},
	{&kindPid, `"type": "string", "pattern": "^($|host$|container:)"`},
	{&kindPull, `"enum": ["", "always", "missing", "never"]`},
	{&kindRestart, `"type": "string", "pattern": "^((no|always|unless-stopped|on-failure)(:[-+]?[0-9]*)?)?$"`},
}

// kindSchema is one kind of value, and the members of the object that is its schema.
type kindSchema struct {
	kind   *kind
	schema string
}

// shapeSchemas are all texts of a shape.
var shapeSchemas = [...]string{
	word:   `"type": "string"`,
	figure: `"type": ["string", "number"]`,
	words:  `"$ref": "#/$defs/words"`,
	keyed:  `"$ref": "#/$defs/words"`,
	pairs:  `"$ref": "#/$defs/pairs"`,
}

// schemaText has the commands' words, and a branch for each of them.
const schemaText = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"title": "Message for docker-dispatch",
"type": "object",
"required": ["Dockercmd"],
"properties": {"Dockercmd": {"enum": %s}},
"allOf": [
%s
],
"$defs": {
"name": {"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$"},
"stream": {"type": "string", "pattern": "^[Ss][Tt][Dd]([Ii][Nn]|[Oo][Uu][Tt]|[Ee][Rr][Rr])$"},
"time": {"type": "string", "pattern": "^[-+]?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$"},
"words": {"type": ["string", "number", "array"], "items": {"type": ["string", "number"]}},
"pairs": {"type": ["string", "number", "array", "object"], "items": {"type": ["string", "number"]}, "propertyNames": {"pattern": "^[^=]+$"}, "additionalProperties": {"type": "string"}}
}
}
`

// branchText has a command's words, the keys that it needs, all its keys, and its options.
const branchText = `{"if": {"properties": {"Dockercmd": {"enum": %s}}, "required": ["Dockercmd"]},
"then": {"required": %s, "additionalProperties": false, "properties": {
%s,
"Options": {"type": "object", "additionalProperties": false, "properties": {
%s}}}}}`

// WriteSchema writes the JSON Schema of all messages that the program understands, draft 2020-12. It lets pass every message that
// Decode and Resolve take, and stops what has an unknown key, lacks one, or has a value of another type; docker's own syntax inside
// of texts, and what goes together with what, are beyond it.
//
// https://json-schema.org/draft/2020-12
func WriteSchema(w io.Writer) error {
	var words, branches []string
	for i := range verbs {
		v := &verbs[i]
		words = append(words, v.words()...)
		branches = append(branches, v.schema())
	}
	_, err := fmt.Fprintf(w, schemaText, wordList(words), strings.Join(branches, ",\n"))
	return err
}

// words are all that Dockercmd may say for a verb.
func (v *verb) words() []string { return append([]string{v.name}, v.aliases...) }

// schema is the branch for a verb: what holds of a message with one of its words.
func (v *verb) schema() string {
	keys := append([]string{`"Dockercmd": true`}, v.properties(arguments[:], (*option).is)...)
	return fmt.Sprintf(branchText, wordList(v.words()), wordList(strings.Split(strings.TrimSpace("Dockercmd "+v.required), " ")),
		strings.Join(keys, ",\n"), strings.Join(v.properties(options[:], (*option).description), ",\n"))
}

// properties are the schemas of the keys that the verb has in a table.
func (v *verb) properties(table []option, describe func(*option) string) (all []string) {
	for i := range table {
		if row := &table[i]; row.of(v.name) {
			description := appendString(nil, []byte(describe(row)))
			all = append(all, `"`+row.name+`": {`+row.kind.schema()+`, "description": `+string(description)+`}`)
		}
	}
	return all
}

func (k *kind) schema() string {
	for i := range schemas {
		if schemas[i].kind == k {
			return schemas[i].schema
		}
	}
	return shapeSchemas[k.shape]
}

// is says what the value of a key is.
func (o *option) is() string { return o.kind.name }

// description is what a person wants to know of an option: what it is, docker's flag, and the Engines that have it.
func (o *option) description() string {
	text := o.is()
	if flag := o.flag(); flag != "" {
		text += "; docker's " + flag
	}
	if versions := o.versions(); versions != "" {
		text += "; API " + versions
	}
	return text
}

// flag is docker's own for an option: --cap-add for CapAdd. What a run has and a create has not is not docker's.
func (o *option) flag() string {
	switch {
	case o.verbs == "run":
		return ""
	case o.name == "Remove":
		return "--rm"
	}
	flag := []byte("-")
	for i := range len(o.name) {
		if unicode.IsUpper(rune(o.name[i])) {
			flag = append(flag, '-')
		}
		flag = append(flag, o.name[i]|0x20)
	}
	return string(flag)
}

// versions are the versions of the API that have an option; "" is all.
func (o *option) versions() string {
	switch {
	case o.since != 0:
		return fmt.Sprintf("1.%d and later", o.since)
	case o.until != 0:
		return fmt.Sprintf("1.%d and earlier", o.until)
	}
	return ""
}

// wordList is a list of words as JSON.
func wordList(words []string) string { return `["` + strings.Join(words, `", "`) + `"]` }
