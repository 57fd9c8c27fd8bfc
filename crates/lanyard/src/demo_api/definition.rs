//! The demo API as a REST server: the file that a person would write for an API of their own.

use lanyard_core::Origin;

/// The definition, with the address that the API got.
pub(crate) fn definition_yaml(origin: &Origin) -> String {
    TEMPLATE.replace("ORIGIN", &origin.to_string())
}

const TEMPLATE: &str = r#"server:
  name: billing
  description: Invoices and refunds of a small company
  securitySchemes:
  - {id: BillingKey, type: apiKey, in: header, name: X-Api-Key, defaultCredential: "secret://billing-key"}
  defaultUpstreamSecurity: {id: BillingKey}
tools:
- name: get_invoice
  description: One invoice by its number
  args:
  - {name: number, description: "Invoice number, such as INV-7", type: string, pattern: "^INV-[0-9]+$", required: true, position: path}
  requestTemplate: {url: "ORIGIN/invoices/{number}", method: GET}
- name: list_invoices
  description: The invoices, of one customer or of all
  args:
  - {name: customer, description: Only the invoices of this customer, type: string, position: query}
  requestTemplate: {url: "ORIGIN/invoices", method: GET}
  responseTemplate:
    body: |
      {{ range .invoices -}}
      {{ .number }}  {{ .customer }}  {{ .amount }} {{ .currency }}  {{ .state }}
      {{ else -}}
      No invoice.
      {{ end -}}
- name: refund
  description: Refund an invoice in full
  args:
  - {name: number, description: Number of the invoice to refund, type: string, pattern: "^INV-[0-9]+$", required: true, position: body}
  requestTemplate: {url: "ORIGIN/refunds", method: POST}
- name: echo_request
  description: What the API receives, said back by the API itself
  args:
  - {name: note, description: Any text, type: string, default: "", position: query}
  requestTemplate: {url: "ORIGIN/echo", method: GET}
"#;
