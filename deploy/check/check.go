// Package check holds what the manifests are measured against: it renders every overlay with kustomize, decodes each
// object strictly into the type that Kubernetes itself uses, and reads docker-compose.yml as Docker would. `go test`
// needs no cluster and no Docker.
package check

import (
	"fmt"
	"path/filepath"
	"runtime"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Root is the checkout.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Render builds one kustomization and returns its objects, each decoded strictly: an unknown or twice-given field and a
// value of a wrong type are errors, as they are for the API server.
func Render(folder string) ([]kruntime.Object, error) {
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(Root(), folder))
	if err != nil {
		return nil, err
	}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []kruntime.Object
	for _, resource := range rendered.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		object, _, err := decoder.Decode(text, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", resource.CurId(), err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// Pods returns the pod template of everything that runs pods, by "Kind/name".
func Pods(objects []kruntime.Object) map[string]corev1.PodTemplateSpec {
	pods := map[string]corev1.PodTemplateSpec{}
	for _, object := range objects {
		switch workload := object.(type) {
		case *appsv1.Deployment:
			pods["Deployment/"+workload.Name] = workload.Spec.Template
		case *batchv1.Job:
			pods["Job/"+workload.Name] = workload.Spec.Template
		case *batchv1.CronJob:
			pods["CronJob/"+workload.Name] = workload.Spec.JobTemplate.Spec.Template
		}
	}
	return pods
}
