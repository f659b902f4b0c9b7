// A registry with the referrers API, and with faults on demand.
module orkestra.orkspace.io/registries/referrers

go 1.26.0

require github.com/google/go-containerregistry v0.22.1
