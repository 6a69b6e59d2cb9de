package io.tidegrad.localstack;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The registry's REST API by hand: these tests trust no client of ours.
final class Rest {
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final Pattern ID = Pattern.compile("\"id\":(\\d+)");

    private Rest() {}

    /// @param fields the record's fields, each an `int`; no defaults
    static int register(String url, String subject, String record, String... fields)
            throws IOException, InterruptedException {
        String answer = post(url, subject, record, fields).body();
        Matcher id = ID.matcher(answer);
        if (!id.find()) {
            throw new AssertionError(answer);
        }
        return Integer.parseInt(id.group(1));
    }

    static HttpResponse<String> post(String url, String subject, String record, String... fields)
            throws IOException, InterruptedException {
        StringBuilder list = new StringBuilder();
        for (String field : fields) {
            list.append(list.isEmpty() ? "" : ",").append("{\\\"name\\\":\\\"").append(field)
                    .append("\\\",\\\"type\\\":\\\"int\\\"}");
        }
        String body = "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"%s\\\",\\\"fields\\\":[%s]}\"}"
                .formatted(record, list);
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/subjects/" + subject + "/versions"))
                .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    }

    static String schemaById(String url, int id) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id)).build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }
}
