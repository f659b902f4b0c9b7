{{/* Every object has this name: a namespace has one runtime, by its Lease, and the rights are given to the account of this name. */}}
{{- define "orkestra.name" -}}orkestra{{- end }}

{{/* By what Service, budget and policy find the pods. It never changes, because a Deployment's selector cannot. */}}
{{- define "orkestra.selector" -}}
app.kubernetes.io/name: orkestra
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Not `managed-by`: Helm writes that itself where it installs, and by it the runtime knows the children of patterns. */}}
{{- define "orkestra.labels" -}}
{{ include "orkestra.selector" . }}
app.kubernetes.io/part-of: orkestra
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "orkestra.metadata" -}}
name: {{ include "orkestra.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "orkestra.labels" . | nindent 2 }}
{{- end }}

{{- define "orkestra.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Ports and, where addresses are given, only those. */}}
{{- define "orkestra.egress" -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .cidrs }}
  to:
    {{- range . }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  {{- end }}
{{- end }}

{{/* What no schema can say, because it is about two values. */}}
{{- define "orkestra.check" -}}
{{- $registries := .Values.registries -}}
{{- if and .Values.artifacts.volume (or $registries.mirrors $registries.realms $registries.caBundle) -}}
{{- fail "artifacts.volume: no registry is asked then, so registries.mirrors, registries.realms and registries.caBundle must be empty" -}}
{{- end -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (add 46 .Values.preStopSeconds | int) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d: ork takes up to 46 seconds to stop, after preStopSeconds (%d)" (int .Values.terminationGracePeriodSeconds) (int .Values.preStopSeconds)) -}}
{{- end -}}
{{- range $name := list "komposer.yaml" "komposer.lock" "policy.yaml" "registry-ca.pem" -}}
{{- if hasKey $.Values.komposer.files $name -}}
{{- fail (printf "komposer.files: `%s` is written from another value" $name) -}}
{{- end -}}
{{- end -}}
{{- end }}
