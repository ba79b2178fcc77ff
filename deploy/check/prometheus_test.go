package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// published are the figures that processes of the fleet export; the last ones come from the cluster itself.
var published = []string{
	"http_server_request_duration_seconds_bucket", "http_server_request_duration_seconds_count",
	"bloom_events_total", "bloom_state",
	"container_memory_working_set_bytes", "container_cpu_usage_seconds_total",
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(), path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// sources is the text of all Rust code: a figure that a panel names must be counted somewhere.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"crates", "services", "gateway"} {
		err := filepath.WalkDir(filepath.Join(Root(), folder), func(path string, entry os.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".rs") {
				text, err := os.ReadFile(path)
				all.Write(text)
				return err
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func checkExpression(t *testing.T, where, expression string, known []string, code string) {
	t.Helper()
	parsed, err := parser.ParseExpr(expression)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		if !slices.Contains(known, selector.Name) {
			t.Errorf("%s: nobody publishes %s", where, selector.Name)
		}
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name == "name" && !strings.Contains(code, `"`+matcher.Value+`"`) {
				t.Errorf("%s: no code counts %q", where, matcher.Value)
			}
		}
		return nil
	})
}

func TestRulesAskForFiguresThatExist(t *testing.T) {
	groups, errs := rulefmt.Parse(read(t, "deploy/prometheus/rules.yaml"), false)
	for _, err := range errs {
		t.Error(err)
	}
	known, code := slices.Clone(published), sources(t)
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			known = append(known, rule.Record)
		}
	}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			checkExpression(t, rule.Record+rule.Alert, rule.Expr, known, code)
		}
	}
}

func TestDashboardsAskForFiguresThatExist(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(read(t, "deploy/grafana/fleet.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	variables, code := regexp.MustCompile(`\$__rate_interval`), sources(t)
	for _, panel := range dashboard.Panels {
		if len(panel.Targets) == 0 {
			t.Errorf("%s shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			expression := strings.ReplaceAll(variables.ReplaceAllString(target.Expr, "5m"), "$service", ".*")
			checkExpression(t, panel.Title, expression, published, code)
		}
	}
}
