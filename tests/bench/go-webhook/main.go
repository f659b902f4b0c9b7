// A conversion webhook as operators in Go have it: controller-runtime's handler over typed structs. It is the baseline of the
// benchmark `conversion`, and does the same as the pattern beside it.
package main

import (
	"flag"
	"log"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/conversion"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/conversion"
)

// Item is one of a list that both versions have.
type Item struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// Status is the same in both versions.
type Status struct {
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// SpecV2 is the stored version's.
type SpecV2 struct {
	Instances *int32     `json:"instances,omitempty"`
	Storage   *Storage   `json:"storage,omitempty"`
	Resources *Resources `json:"resources,omitempty"`
	Items     []Item     `json:"items,omitempty"`
}

// Storage of SpecV2.
type Storage struct {
	Size  string `json:"size,omitempty"`
	Class string `json:"class,omitempty"`
}

// Resources of SpecV2.
type Resources struct {
	CPU    string `json:"cpu,omitempty"`
	Memory string `json:"memory,omitempty"`
}

// ThingV2 is the hub.
type ThingV2 struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              SpecV2 `json:"spec,omitempty"`
	Status            Status `json:"status,omitempty"`
}

// SpecV1 is the old version's.
type SpecV1 struct {
	Replicas     *int32 `json:"replicas,omitempty"`
	StorageSize  string `json:"storageSize,omitempty"`
	StorageClass string `json:"storageClass,omitempty"`
	CPU          string `json:"cpu,omitempty"`
	Memory       string `json:"memory,omitempty"`
	Items        []Item `json:"items,omitempty"`
}

// ThingV1 is a spoke.
type ThingV1 struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              SpecV1 `json:"spec,omitempty"`
	Status            Status `json:"status,omitempty"`
}

// Hub marks the version that all others are converted to.
func (*ThingV2) Hub() {}

// ConvertTo makes the hub's version.
func (t *ThingV1) ConvertTo(hub conversion.Hub) error {
	to := hub.(*ThingV2)
	to.ObjectMeta = t.ObjectMeta
	to.Spec = SpecV2{
		Instances: t.Spec.Replicas,
		Storage:   &Storage{Size: t.Spec.StorageSize, Class: t.Spec.StorageClass},
		Resources: &Resources{CPU: t.Spec.CPU, Memory: t.Spec.Memory},
		Items:     t.Spec.Items,
	}
	to.Status = t.Status
	return nil
}

// ConvertFrom makes the old version.
func (t *ThingV1) ConvertFrom(hub conversion.Hub) error {
	from := hub.(*ThingV2)
	t.ObjectMeta = from.ObjectMeta
	t.Spec = SpecV1{Replicas: from.Spec.Instances, Items: from.Spec.Items}
	if from.Spec.Storage != nil {
		t.Spec.StorageSize, t.Spec.StorageClass = from.Spec.Storage.Size, from.Spec.Storage.Class
	}
	if from.Spec.Resources != nil {
		t.Spec.CPU, t.Spec.Memory = from.Spec.Resources.CPU, from.Spec.Resources.Memory
	}
	t.Status = from.Status
	return nil
}

func deepCopy[T any](in *T) *T {
	out := new(T)
	*out = *in
	return out
}

// DeepCopyObject is what the scheme asks for.
func (t *ThingV1) DeepCopyObject() runtime.Object { return deepCopy(t) }

// DeepCopyObject is what the scheme asks for.
func (t *ThingV2) DeepCopyObject() runtime.Object { return deepCopy(t) }

func main() {
	listen := flag.String("listen", "127.0.0.1:9443", "where it listens")
	certificate := flag.String("cert", "tls.crt", "its certificate")
	key := flag.String("key", "tls.key", "its key")
	flag.Parse()

	scheme := runtime.NewScheme()
	group := "example.com"
	scheme.AddKnownTypeWithName(schema.GroupVersionKind{Group: group, Version: "v1", Kind: "Thing"}, &ThingV1{})
	scheme.AddKnownTypeWithName(schema.GroupVersionKind{Group: group, Version: "v2", Kind: "Thing"}, &ThingV2{})

	mux := http.NewServeMux()
	mux.Handle("/convert", webhook.NewWebhookHandler(scheme, webhook.NewRegistry()))
	log.Fatal(http.ListenAndServeTLS(*listen, *certificate, *key, mux))
}
