# Kinds that users define: kubectl against three members, and a member that comes back.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 24000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
pki=$cluster/pki
api() { curl -s --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "$@"; }
path=/apis/example.com/v1/namespaces/default/widgets

cat >"$SCRATCH/crd.yaml" <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}}
    selectableFields: [{jsonPath: .spec.color}]
    additionalPrinterColumns: [{name: Color, type: string, jsonPath: .spec.color}, {name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [color]
            description: What is wanted of it.
            properties:
              color: {type: string, enum: [red, blue], description: Its colour.}
              size: {type: integer, minimum: 1, default: 3}
              replicas: {type: integer}
          status: {type: object, properties: {replicas: {type: integer}, selector: {type: string}}}
  - name: v1beta1
    served: true
    storage: false
    deprecated: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
YAML
widget() { printf 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: %s}\nspec: {color: %s}\n' "$1" "$2"; }

kubectls=$(ls "$(dirname "$(readlink -f "$(command -v kubectl || echo /)")")"/kubectl.1.?? 2>/dev/null)
kubectls="$kubectls ${KUBECTL_120:-}"
[ "$kubectls" != " " ] || skip "kubectl with custom kinds" "no kubectl here"
for kubectl in $kubectls; do
	version=$("$kubectl" version --client 2>/dev/null | grep -o 'v1\.[0-9]*' | head -1)
	k() { timeout 20 "$kubectl" --cache-dir "$SCRATCH/cache-$version" "$@"; }
	check "$version: a definition is created" k apply -f "$SCRATCH/crd.yaml"
	check "$version: it is established" k wait --for=condition=established crd/widgets.example.com --timeout=5s
	widget a red >"$SCRATCH/a.yaml"
	check "$version: apply creates an object of it" k apply -f "$SCRATCH/a.yaml"
	has "$version: applied again, it is unchanged" "$(k apply -f "$SCRATCH/a.yaml" 2>&1)" unchanged
	same "$version: its table has the columns of the definition" "NAME COLOR SIZE a red 3" "$(k get wd | xargs)"
	has "$version: get all shows it by its category" "$(k get all 2>&1)" "widget.example.com/a"
	has "$version: explain knows its fields" "$(k explain widget.spec.color 2>&1)" "Its colour."
	check "$version: scale" k scale wd/a --replicas=5
	same "$version: the generation counts" "5 2" "$(k get wd a -o 'jsonpath={.spec.replicas} {.metadata.generation}')"
	has "$version: what the schema forbids is refused" \
		"$(k patch wd a --type=merge -p '{"spec":{"color":"green"}}' 2>&1)" 'spec.color: Unsupported value: "green": supported values: "red", "blue"'
	check "$version: merge patch" k patch wd a --type=merge -p '{"spec":{"color":"blue"}}'
	same "$version: a selectable field selects" a "$(k get wd --field-selector spec.color=blue -o 'jsonpath={.items[*].metadata.name}')"
	same "$version: and leaves out" "" "$(k get wd --field-selector spec.color=red -o 'jsonpath={.items[*].metadata.name}')"
	has "$version: the other version shows the same object" "$(k get widgets.v1beta1.example.com a -o yaml 2>/dev/null)" "apiVersion: example.com/v1beta1"
	has "$version: and warns that it is deprecated" "$(k get widgets.v1beta1.example.com a 2>&1)" "example.com/v1beta1 Widget is deprecated"
	check "$version: who speaks the other version is held to its schema" k patch widgets.v1beta1.example.com a --type=merge -p '{"spec":{"color":"green"}}'
	check "$version: deleting the definition takes its objects along" k delete crd widgets.example.com
	has "$version: then the kind is gone" "$(k get wd a 2>&1)" "rror"
done

# Every member knows the kind, and one that comes back does too.
"$RECKON" apply -f "$SCRATCH/crd.yaml" >/dev/null
until_true 5 api -f "https://127.0.0.1:$port$path" || not_ok "the kind is served"
for i in 0 1 2; do
	same "member m$((i + 1)) creates" 201 "$(widget "w$i" red | api -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/yaml' --data-binary @- "https://127.0.0.1:$((port + i))$path")"
done
kill -9 "$(cat "$cluster/m2/pid")"
same "while a member is down the others go on" 201 "$(widget w9 blue | api -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/yaml' --data-binary @- "https://127.0.0.1:$((port + 2))$path")"
"$RECKON" cluster up --dir "$cluster" >/dev/null 2>&1
until_true 20 api -f "https://127.0.0.1:$((port + 1))$path/w9" && ok "the member that comes back serves it" || not_ok "the member that comes back serves it"
hashes() { for i in 0 1 2; do api "https://127.0.0.1:$((port + i))/reckon/v1/status" | grep -o '"hash": *"[^"]*"'; done | sort -u | wc -l; }
one_hash() { [ "$(hashes)" = 1 ]; }
until_true 10 one_hash && ok "one state hash" || not_ok "one state hash"

same "reckon get knows the kind" "NAME COLOR SIZE w0 red 3" "$("$RECKON" get wd w0 | xargs)"
widget w0 blue >"$SCRATCH/w0.yaml"
has "reckon apply changes one" "$("$RECKON" apply -f "$SCRATCH/w0.yaml" 2>&1)" "widget.example.com/w0 configured"
has "and several at once" "$({ cat "$SCRATCH/w0.yaml"; echo ---; widget w7 red; } | "$RECKON" apply --atomic -f - 2>&1)" "widget.example.com/w7 created"
same "reckon delete" "" "$("$RECKON" delete wd w7 >/dev/null && "$RECKON" get wd w7 2>/dev/null)"
has "a schema that is not structural is refused" \
	"$(sed 's/required: \[color\]/x-kubernetes-validations: [{rule: "true"}]/; s/widgets/gadgets/; s/Widget/Gadget/; s/\[wd\]/[gd]/' "$SCRATCH/crd.yaml" | "$RECKON" apply -f - 2>&1)" "CEL rules are not served yet"
summary
