package io.tidegrad.console;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

/// The files of the page, from the class path, as they are: nothing is built. They hold no data, so they need no token.
final class Page {
    /// Scripts, styles and data come from this server alone, and there are none inside of the page.
    static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
            + " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static final String SCRIPT = "text/javascript; charset=utf-8";
    private static final String STYLE = "text/css; charset=utf-8";
    private static final HeaderName CONTENT_SECURITY_POLICY = HeaderNames.create("Content-Security-Policy");
    private static final HeaderName CONTENT_TYPE_OPTIONS = HeaderNames.create("X-Content-Type-Options");
    private static final HeaderName REFERRER_POLICY = HeaderNames.create("Referrer-Policy");

    private final Map<String, Content> files = new LinkedHashMap<>(); // by path

    private record Content(String type, byte[] bytes) {
    }

    Page() {
        files.put("/", new Content("text/html; charset=utf-8", read("page/index.html")));
        files.put("/icon.svg", new Content("image/svg+xml", read("page/icon.svg")));
        files.put("/console.css", new Content(STYLE, read("page/console.css")));
        for (String script : new String[]{"console", "stream", "dom", "format", "chart", "flow", "learner", "fields",
            "calibration", "panels", "processes", "proof", "decide", "try", "draw"}) {
            files.put("/" + script + ".js", new Content(SCRIPT, read("page/" + script + ".js")));
        }
        String library = "/META-INF/resources/webjars/uplot/" + version() + "/dist/";
        files.put("/uplot.js", new Content(SCRIPT, read(library + "uPlot.esm.js")));
        files.put("/uplot.css", new Content(STYLE, read(library + "uPlot.min.css")));
    }

    private static String version() {
        Properties properties = new Properties();
        try (InputStream from =
                Page.class.getResourceAsStream("/META-INF/maven/org.webjars.npm/uplot/pom.properties")) {
            properties.load(from);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return properties.getProperty("version");
    }

    private static byte[] read(String resource) {
        try (InputStream from = Page.class.getResourceAsStream(resource)) {
            if (from == null) {
                throw new IllegalStateException("expected " + resource + " on the class path, found none");
            }
            return from.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void routes(HttpRouting.Builder routing) {
        files.forEach((path, content) -> routing.get(path,
                (request, response) -> secured(response).header(HeaderNames.CONTENT_TYPE, content.type())
                        .header(HeaderNames.CACHE_CONTROL, "no-cache").send(content.bytes())));
    }

    /// Adds what keeps a browser from running or showing anything else.
    static ServerResponse secured(ServerResponse response) {
        return response.header(CONTENT_SECURITY_POLICY, POLICY).header(CONTENT_TYPE_OPTIONS, "nosniff")
                .header(REFERRER_POLICY, "no-referrer");
    }
}
