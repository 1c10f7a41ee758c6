// Addresses are relative, so that the page also works below a prefix that a proxy strips.
SwaggerUIBundle({
  url: new URL("v1/openapi.json", document.baseURI).href,
  dom_id: "#explorer",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null,
});
