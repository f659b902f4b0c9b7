// referrers-registry is an OCI registry in memory that has the referrers API, behind TLS and authentication. It misbehaves when told to.
// It ends when its standard input does, so that it never outlives who started it.
//
// It prints one line, "listening REGISTRY CONTROL", with the two loopback addresses it has chosen. The registry speaks TLS.
// The control address speaks plain HTTP: POST /fault with a JSON object arms a fault, DELETE /fault takes all of them back, and
// GET /requests gives the requests that came since it was last asked, one "METHOD PATH" a line.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// fault is what the registry does wrong, Times times.
type fault struct {
	// Kind is one of status, cut, wrong, slow, token-endless, realm, link-loop and junk-referrers.
	Kind string `json:"kind"`
	// Times is how many requests it meets. 0 stands for 1.
	Times int `json:"times"`
	// Status and RetryAfter (seconds) belong to the kind status.
	Status     int    `json:"status"`
	RetryAfter string `json:"retryAfter"`
	// Realm belongs to the kind realm: the address that the challenge names.
	Realm string `json:"realm"`
	// Count belongs to the kind junk-referrers.
	Count int `json:"count"`
	// Pause belongs to the kind slow: the milliseconds between two eighths of a blob.
	Pause int `json:"pause"`
}

type server struct {
	inner          http.Handler
	user, password string
	bearer         bool
	lock           sync.Mutex
	faults         []fault
	requests       []string
}

// kept is how many requests are remembered at most. More than a test makes, and less than a loop that never ends.
const kept = 10_000

// note remembers a request.
func (s *server) note(r *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if len(s.requests) < kept {
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	}
}

// noted gives the requests since it was last asked.
func (s *server) noted(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, request := range s.requests {
		fmt.Fprintln(w, request)
	}
	s.requests = nil
}

// take uses up one time of the first armed fault of that kind.
func (s *server) take(kind string) (fault, bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for i := range s.faults {
		if s.faults[i].Kind != kind {
			continue
		}
		found := s.faults[i]
		if s.faults[i].Times--; s.faults[i].Times <= 0 {
			s.faults = append(s.faults[:i], s.faults[i+1:]...)
		}
		return found, true
	}
	return fault{}, false
}

// control arms faults and takes them back.
func (s *server) control(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	switch r.Method {
	case http.MethodDelete:
		s.faults = nil
	case http.MethodPost:
		var f fault
		decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<16))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		switch f.Kind {
		case "status", "cut", "wrong", "slow", "token-endless", "realm", "link-loop", "junk-referrers":
		default:
			http.Error(w, "no such fault: "+f.Kind, http.StatusBadRequest)
			return
		}
		f.Times = max(f.Times, 1)
		s.faults = append(s.faults, f)
	default:
		http.Error(w, "POST or DELETE", http.StatusMethodNotAllowed)
	}
}

// token is what the bearer realm gives. One fixed word is enough: who has it has known the password.
const token = "a-token-of-the-referrers-registry"

func (s *server) basic(r *http.Request) bool {
	user, password, given := r.BasicAuth()
	return given && user == s.user && password == s.password
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	if r.URL.Path == "/token" {
		s.token(w, r)
		return
	}
	if f, armed := s.take("status"); armed {
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		w.WriteHeader(f.Status)
		return
	}
	f, elsewhere := s.take("realm")
	allowed := s.basic(r)
	if s.bearer {
		allowed = r.Header.Get("Authorization") == "Bearer "+token
	}
	if elsewhere || !allowed {
		challenge := `Basic realm="referrers-registry"`
		if s.bearer || elsewhere {
			realm := "https://" + r.Host + "/token"
			if elsewhere {
				realm = f.Realm
			}
			challenge = fmt.Sprintf(`Bearer realm=%q,service="referrers-registry"`, realm)
		}
		w.Header().Set("WWW-Authenticate", challenge)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/referrers/") && s.referrers(w, r) {
		return
	}
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/sha256:") && s.blob(w, r) {
		return
	}
	s.inner.ServeHTTP(w, r)
}

// token answers the bearer realm, or with a body that has no end.
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	if _, armed := s.take("token-endless"); armed {
		io.WriteString(w, `{"token":"`)
		for chunk := strings.Repeat("a", 1<<16); ; {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	}
	if !s.basic(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 300})
}

// referrers plays the faults of the referrers API. It says whether it has answered.
func (s *server) referrers(w http.ResponseWriter, r *http.Request) bool {
	manifests := []map[string]any{}
	if f, armed := s.take("junk-referrers"); armed {
		for i := range f.Count {
			manifests = append(manifests, map[string]any{
				"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": fmt.Sprintf("sha256:%064x", i),
				"size": 2, "artifactType": "application/vnd.example.junk",
			})
		}
	} else if _, armed := s.take("link-loop"); armed {
		w.Header().Set("Link", "<"+r.URL.RequestURI()+`>; rel="next"`)
	} else {
		return false
	}
	w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	json.NewEncoder(w).Encode(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests,
	})
	return true
}

// blob plays the faults of a download. It says whether it has answered.
func (s *server) blob(w http.ResponseWriter, r *http.Request) bool {
	for _, kind := range []string{"cut", "wrong", "slow"} {
		if f, armed := s.take(kind); armed {
			s.wrongly(w, r, f)
			return true
		}
	}
	return false
}

// wrongly answers with a blob, and with what is wrong with it.
func (s *server) wrongly(w http.ResponseWriter, r *http.Request, f fault) {
	answer := httptest.NewRecorder()
	s.inner.ServeHTTP(answer, r)
	body := append([]byte(nil), answer.Body.Bytes()...)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.Code)
	switch f.Kind {
	case "cut":
		w.Write(body[:len(body)/2])
		w.(http.Flusher).Flush()
		// The server then closes the connection without the rest.
		panic(http.ErrAbortHandler)
	case "wrong":
		if len(body) > 0 {
			body[0] ^= 1
		}
		w.Write(body)
	case "slow":
		for part := range slices.Chunk(body, len(body)/8+1) {
			time.Sleep(time.Duration(f.Pause) * time.Millisecond)
			if _, err := w.Write(part); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}
}

func main() {
	certificate := flag.String("certificate", "", "PEM file")
	key := flag.String("key", "", "PEM file")
	bearer := flag.Bool("bearer", false, "ask for a token instead of the password")
	without := flag.Bool("without-referrers", false, "answer 404 on the referrers API, as older registries do")
	flag.Parse()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	// Not arguments: every user of the machine can read those.
	s := &server{user: os.Getenv("REGISTRY_USER"), password: os.Getenv("REGISTRY_PASSWORD"), bearer: *bearer}
	s.inner = registry.New(registry.WithReferrersSupport(!*without))
	if s.user == "" || s.password == "" {
		log.Fatal("REGISTRY_USER and REGISTRY_PASSWORD must be set")
	}
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/fault", s.control)
	mux.HandleFunc("GET /requests", s.noted)
	go func() { log.Fatal(http.Serve(control, mux)) }()
	fmt.Println("listening", public.Addr(), control.Addr())
	log.Fatal(http.ServeTLS(public, s, *certificate, *key))
}
