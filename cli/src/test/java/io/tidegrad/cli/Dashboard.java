package io.tidegrad.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// A dashboard for Grafana in `docker/monitoring/dashboards`.
///
/// @param json what Grafana reads
record Dashboard(JsonNode json) {
    private static final Path SHIPPED =
            Path.of(System.getProperty("tidegrad.root"), "docker", "monitoring", "dashboards");
    private static final Pattern VALUES = Pattern.compile("label_values\\((.+), (\\w+)\\)");

    static List<Dashboard> shipped() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(SHIPPED)) {
            files = all.sorted().toList();
        }
        List<Dashboard> dashboards = new ArrayList<>();
        for (Path file : files) {
            dashboards.add(new Dashboard(new ObjectMapper().readTree(file.toFile())));
        }
        return dashboards;
    }

    String title() {
        return json.path("title").asText();
    }

    /// What it asks of Prometheus while no model and no stream is chosen: for the values of its variables, and for each
    /// panel.
    List<String> questions() {
        List<String> questions = new ArrayList<>();
        for (JsonNode variable : json.path("templating").path("list")) {
            Matcher values = VALUES.matcher(variable.path("query").path("query").asText());
            if (!values.matches()) {
                throw new IllegalArgumentException("expected label_values(METRIC, LABEL), found " + variable);
            }
            questions
                    .add("count by (" + values.group(2) + ") (" + values.group(1) + "{" + values.group(2) + "!=\"\"})");
        }
        expressions().forEach(each -> questions.add(asked(each)));
        return questions;
    }

    /// As they stand in the file, with variables.
    List<String> expressions() {
        List<String> expressions = new ArrayList<>();
        json.path("panels").forEach(panel -> panel.path("targets").forEach(target -> {
            if (!target.path("expr").isTextual()) {
                throw new IllegalArgumentException("expected expr, found none: " + panel);
            }
            expressions.add(target.path("expr").asText());
        }));
        return expressions;
    }

    private String asked(String expression) {
        String asked = expression.replace("$__rate_interval", "1m");
        for (JsonNode variable : json.path("templating").path("list")) {
            asked = asked.replace("$" + variable.path("name").asText(), variable.path("allValue").asText());
        }
        if (asked.contains("$")) {
            throw new IllegalArgumentException("expected variables of the dashboard only, found " + asked);
        }
        return asked;
    }
}
