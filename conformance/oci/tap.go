// Package tap prints test results in the Test Anything Protocol. It has the calls of github.com/mndrix/tap-go that the OCI's
// validation suite makes, so that the suite builds from what Debian packages.
package tap

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// T counts and prints results.
type T struct {
	count *int
	todo  bool
}

// New makes a printer that has printed nothing.
func New() *T {
	return &T{count: new(int)}
}

// Header starts the output; a plan of 0 tests is left to AutoPlan.
func (t *T) Header(plan int) {
	fmt.Println("TAP version 13")
	if plan > 0 {
		fmt.Printf("1..%d\n", plan)
	}
}

// AutoPlan prints how many tests there were.
func (t *T) AutoPlan() {
	fmt.Printf("1..%d\n", *t.count)
}

// Todo answers a printer whose results are not expected to be good yet.
func (t *T) Todo() *T {
	return &T{count: t.count, todo: true}
}

// Ok prints one result.
func (t *T) Ok(good bool, description string) {
	*t.count++
	word, mark := "ok", "-"
	if !good {
		word = "not ok"
	}
	if t.todo {
		mark = "# TODO"
	}
	fmt.Printf("%s %d %s %s\n", word, *t.count, mark, description)
}

// Pass prints a good result.
func (t *T) Pass(description string) { t.Ok(true, description) }

// Fail prints a bad one.
func (t *T) Fail(description string) { t.Ok(false, description) }

// Skip prints count results that were not looked for.
func (t *T) Skip(count int, description string) {
	for ; count > 0; count-- {
		*t.count++
		fmt.Printf("ok %d # SKIP %s\n", *t.count, description)
	}
}

// Diagnostic prints a remark.
func (t *T) Diagnostic(message string) {
	fmt.Println("# " + strings.ReplaceAll(message, "\n", "\n# "))
}

// Diagnosticf prints a remark made of a format.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML prints details of the last result; JSON is YAML, too.
func (t *T) YAML(details interface{}) error {
	bytes, err := json.MarshalIndent(details, "  ", "  ")
	if err == nil {
		fmt.Fprintf(os.Stdout, "  ---\n  %s\n  ...\n", bytes)
	}
	return err
}
