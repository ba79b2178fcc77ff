package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

var overlays = []string{"deploy/kubernetes/base", "deploy/kubernetes/overlays/production"}

func rendered(t *testing.T, folder string) []kruntime.Object {
	t.Helper()
	objects, err := Render(folder)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// services are the folders of services/ and the gateway: each must be deployable.
func services(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(Root(), "services"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"gateway"}
	for _, entry := range entries {
		if _, err := os.Stat(filepath.Join(Root(), "services", entry.Name(), "Cargo.toml")); err == nil {
			names = append(names, entry.Name())
		}
	}
	return names
}

func TestOverlaysRender(t *testing.T) {
	for _, overlay := range overlays {
		t.Run(overlay, func(t *testing.T) {
			if len(rendered(t, overlay)) == 0 {
				t.Fatal("nothing")
			}
		})
	}
}

func TestEveryServiceIsDeployedGuardedAndScaled(t *testing.T) {
	for _, overlay := range overlays {
		found := map[string][]string{}
		for _, object := range rendered(t, overlay) {
			switch typed := object.(type) {
			case *appsv1.Deployment:
				found[typed.Name] = append(found[typed.Name], "Deployment")
			case *corev1.Service:
				found[typed.Name] = append(found[typed.Name], "Service")
			case *corev1.ServiceAccount:
				found[typed.Name] = append(found[typed.Name], "ServiceAccount")
			case *policyv1.PodDisruptionBudget:
				found[typed.Name] = append(found[typed.Name], "PodDisruptionBudget")
			case *autoscalingv2.HorizontalPodAutoscaler:
				found[typed.Name] = append(found[typed.Name], "HorizontalPodAutoscaler")
			}
		}
		for _, service := range services(t) {
			for _, kind := range []string{"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler"} {
				if !slices.Contains(found[service], kind) {
					t.Errorf("%s: %s has no %s", overlay, service, kind)
				}
			}
		}
	}
}

func TestEveryContainerIsConfined(t *testing.T) {
	for _, overlay := range overlays {
		for name, pod := range Pods(rendered(t, overlay)) {
			spec := pod.Spec
			if spec.SecurityContext == nil || spec.SecurityContext.RunAsNonRoot == nil || !*spec.SecurityContext.RunAsNonRoot {
				t.Errorf("%s: may run as root", name)
			} else if profile := spec.SecurityContext.SeccompProfile; profile == nil || profile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: no seccomp profile", name)
			}
			if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
				t.Errorf("%s: mounts a token that it does not need", name)
			}
			for _, container := range append(spec.InitContainers, spec.Containers...) {
				security := container.SecurityContext
				if security == nil || security.ReadOnlyRootFilesystem == nil || !*security.ReadOnlyRootFilesystem {
					t.Errorf("%s: writable root file system", name)
				} else if security.AllowPrivilegeEscalation == nil || *security.AllowPrivilegeEscalation ||
					security.Capabilities == nil || !slices.Contains(security.Capabilities.Drop, "ALL") {
					t.Errorf("%s: keeps privileges", name)
				}
				resources := container.Resources
				if resources.Limits.Memory().IsZero() || resources.Requests.Memory().IsZero() || resources.Requests.Cpu().IsZero() {
					t.Errorf("%s: no memory limit or no requests", name)
				}
				if strings.HasSuffix(container.Image, ":latest") || !strings.Contains(container.Image, ":") {
					t.Errorf("%s: image %q names no version", name, container.Image)
				}
			}
		}
	}
}

func TestEveryServerIsProbedSpreadAndDrained(t *testing.T) {
	for _, overlay := range overlays {
		for name, pod := range Pods(rendered(t, overlay)) {
			if !slices.Contains(services(t), strings.TrimPrefix(name, "Deployment/")) {
				continue
			}
			container := pod.Spec.Containers[0]
			for path, probe := range map[string]*corev1.Probe{"/livez": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
				if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path {
					t.Errorf("%s: no probe of %s", name, path)
				}
			}
			if container.StartupProbe == nil {
				t.Errorf("%s: no startup probe", name)
			}
			drain := container.Lifecycle
			if drain == nil || drain.PreStop == nil || drain.PreStop.Sleep == nil {
				t.Errorf("%s: stops before the endpoints know it", name)
			} else if *pod.Spec.TerminationGracePeriodSeconds < drain.PreStop.Sleep.Seconds+20 {
				t.Errorf("%s: is killed before it has drained", name)
			}
			if len(pod.Spec.TopologySpreadConstraints) < 2 {
				t.Errorf("%s: is not spread over zones and nodes", name)
			}
		}
	}
}

// A Service, budget or autoscaler that selects nothing fails in silence.
func TestSelectorsSelect(t *testing.T) {
	for _, overlay := range overlays {
		objects := rendered(t, overlay)
		pods := Pods(objects)
		selects := func(selector labels.Selector) bool {
			for _, pod := range pods {
				if selector.Matches(labels.Set(pod.Labels)) {
					return true
				}
			}
			return false
		}
		for _, object := range objects {
			switch typed := object.(type) {
			case *corev1.Service:
				if !selects(labels.SelectorFromSet(typed.Spec.Selector)) {
					t.Errorf("%s: Service/%s selects no pod", overlay, typed.Name)
				}
			case *policyv1.PodDisruptionBudget:
				if selector, err := metav1.LabelSelectorAsSelector(typed.Spec.Selector); err != nil || !selects(selector) {
					t.Errorf("%s: PodDisruptionBudget/%s selects no pod", overlay, typed.Name)
				}
			case *networkingv1.NetworkPolicy:
				if selector, err := metav1.LabelSelectorAsSelector(&typed.Spec.PodSelector); err != nil || !selects(selector) {
					t.Errorf("%s: NetworkPolicy/%s selects no pod", overlay, typed.Name)
				}
			case *autoscalingv2.HorizontalPodAutoscaler:
				if _, ok := pods["Deployment/"+typed.Spec.ScaleTargetRef.Name]; !ok {
					t.Errorf("%s: HorizontalPodAutoscaler/%s scales nothing", overlay, typed.Name)
				}
			}
		}
	}
}

func TestTrafficIsDeniedByDefault(t *testing.T) {
	for _, overlay := range overlays {
		denied := false
		for _, object := range rendered(t, overlay) {
			policy, ok := object.(*networkingv1.NetworkPolicy)
			denied = denied || ok && len(policy.Spec.PodSelector.MatchLabels) == 0 && len(policy.Spec.Ingress) == 0 &&
				len(policy.Spec.Egress) == 0 && len(policy.Spec.PolicyTypes) == 2
		}
		if !denied {
			t.Errorf("%s: no policy denies all traffic", overlay)
		}
	}
}

// What a pod refers to is in the same rendering, or is a Secret: those come from outside and are named in the guide.
func TestReferencesResolve(t *testing.T) {
	for _, overlay := range overlays {
		objects := rendered(t, overlay)
		known := map[string]bool{}
		for _, object := range objects {
			switch typed := object.(type) {
			case *corev1.ConfigMap:
				known["ConfigMap/"+typed.Name] = true
			case *corev1.ServiceAccount:
				known["ServiceAccount/"+typed.Name] = true
			}
		}
		for name, pod := range Pods(objects) {
			if !known["ServiceAccount/"+pod.Spec.ServiceAccountName] {
				t.Errorf("%s: %s has no service account %q", overlay, name, pod.Spec.ServiceAccountName)
			}
			for _, volume := range pod.Spec.Volumes {
				if volume.ConfigMap != nil && !known["ConfigMap/"+volume.ConfigMap.Name] {
					t.Errorf("%s: %s mounts an unknown ConfigMap %q", overlay, name, volume.ConfigMap.Name)
				}
			}
			for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
				for _, from := range container.EnvFrom {
					if from.ConfigMapRef != nil && !known["ConfigMap/"+from.ConfigMapRef.Name] {
						t.Errorf("%s: %s reads an unknown ConfigMap %q", overlay, name, from.ConfigMapRef.Name)
					}
				}
			}
		}
	}
}

// A variable that nobody reads is a setting that silently does nothing.
func TestVariablesAreRead(t *testing.T) {
	code := sources(t)
	known := func(where, name string) {
		if strings.HasPrefix(name, "BLOOM_") && !strings.Contains(code, `"`+name+`"`) {
			t.Errorf("%s: no code reads %s", where, name)
		}
	}
	for _, overlay := range overlays {
		objects := rendered(t, overlay)
		for _, object := range objects {
			if settings, ok := object.(*corev1.ConfigMap); ok {
				for name := range settings.Data {
					known(overlay, name)
				}
			}
		}
		for pod, template := range Pods(objects) {
			for _, container := range append(template.Spec.InitContainers, template.Spec.Containers...) {
				for _, variable := range container.Env {
					known(pod, variable.Name)
				}
			}
		}
	}
	for name, service := range compose(t).Services {
		for variable := range service.Environment {
			known("docker-compose.yml "+name, variable)
		}
	}
}

func compose(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions(
		[]string{filepath.Join(Root(), "docker-compose.yml")}, cli.WithName("bloom"), cli.WithProfiles(profiles))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// A release sets one tag: an image that the overlay forgets would stay behind at the tag of the template.
func TestEveryImageIsOfOneRelease(t *testing.T) {
	const overlay, ours = "deploy/kubernetes/overlays/production", "ghcr.io/bloomcommerceos/"
	var kustomization struct {
		Images []struct{ Name, NewTag string }
	}
	if err := yaml.Unmarshal(read(t, overlay+"/kustomization.yaml"), &kustomization); err != nil {
		t.Fatal(err)
	}
	release := kustomization.Images[0].NewTag
	tags := map[string]string{}
	for _, image := range kustomization.Images {
		tags[image.Name] = image.NewTag
		if image.NewTag != release {
			t.Errorf("%s is of release %s, not %s", image.Name, image.NewTag, release)
		}
	}
	objects := rendered(t, overlay)
	for name, pod := range Pods(objects) {
		for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			image, tag, _ := strings.Cut(container.Image, ":")
			if strings.HasPrefix(image, ours) && (tags[image] == "" || tags[image] != tag) {
				t.Errorf("%s: the overlay does not set the tag of %s", name, container.Image)
			}
		}
	}
	if _, ok := Pods(objects)["Job/migrate-"+release]; !ok {
		t.Error("the migration Job does not carry the release in its name")
	}
}

// What metrics and probes say is for the cluster: the ingress leads to the API and to nothing else of the gateway.
func TestTheIngressLeadsToTheApiOnly(t *testing.T) {
	for _, object := range rendered(t, "deploy/kubernetes/overlays/production") {
		ingress, ok := object.(*networkingv1.Ingress)
		if !ok {
			continue
		}
		for _, rule := range ingress.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				if !slices.Contains([]string{"/v1", "/sandbox", "/docs", "/openapi.json"}, path.Path) {
					t.Errorf("the ingress leads to %s", path.Path)
				}
			}
		}
	}
}

// Notices of the test provider go where it may go: to a service, at the port of its Service.
func TestNoticesOfTheTestProviderArrive(t *testing.T) {
	const variable = "BLOOM_PAYMENTS_WEBHOOK_URL"
	for _, overlay := range overlays {
		told, address := false, ""
		objects := rendered(t, overlay)
		for _, object := range objects {
			if settings, ok := object.(*corev1.ConfigMap); ok && settings.Data[variable] != "" {
				told, address = true, settings.Data[variable]
			}
		}
		arrives := false
		for _, object := range objects {
			service, ok := object.(*corev1.Service)
			arrives = arrives || ok && address == fmt.Sprintf("http://%s:%d", service.Name, service.Spec.Ports[0].Port) &&
				Pods(objects)["Deployment/"+service.Name].Labels["app.kubernetes.io/component"] == "service"
		}
		if !told || !arrives {
			t.Errorf("%s: %s is %q, where the test provider may not go", overlay, variable, address)
		}
	}
	for name, service := range compose(t).Services {
		if address := service.Environment[variable]; name == "payments" && (address == nil || *address != "http://payments:8080") {
			t.Error("docker-compose.yml: notices of the test provider do not reach payments")
		}
	}
}

func TestComposeIsConfinedAndWatched(t *testing.T) {
	project := compose(t, "demo")
	ours := append(services(t), "migrate", "seed")
	for _, name := range ours {
		service := project.Services[name]
		if !service.ReadOnly || !slices.Contains(service.CapDrop, "ALL") || len(service.SecurityOpt) == 0 || service.MemLimit == 0 {
			t.Errorf("docker-compose.yml: %s is not confined", name)
		}
		if slices.Contains(services(t), name) && service.HealthCheck == nil {
			t.Errorf("docker-compose.yml: nobody knows whether %s is ready", name)
		}
	}
	seed := project.Services["seed"]
	for _, name := range services(t) {
		if seed.DependsOn[name].Condition != types.ServiceConditionHealthy {
			t.Errorf("docker-compose.yml: the demo shop is loaded before %s is ready", name)
		}
	}
	state := seed.Environment["BLOOM_STATE_DIR"]
	if seed.Environment["BLOOM_URL"] == nil || state == nil || !strings.HasPrefix(*state, seed.Tmpfs[0]+"/") {
		t.Error("docker-compose.yml: seed knows no gateway or cannot write its keys down")
	}
}

func TestComposeRunsEveryService(t *testing.T) {
	project := compose(t)
	wanted := append(services(t), "postgres", "redis", "kafka", "otel-collector", "migrate")
	for _, service := range wanted {
		if _, ok := project.Services[service]; !ok {
			t.Errorf("docker-compose.yml does not run %s", service)
		}
	}
}
