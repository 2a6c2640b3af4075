// Starts Swagger UI; a file of its own because the page allows no inline script.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // Else it would ask a public service to judge the document.
  validatorUrl: null,
});
