package io.tidegrad.console;

import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.awaitility.core.ConditionTimeoutException;
import org.jspecify.annotations.Nullable;

/// A tab of a real Chromium without a window, told what to do by the Chrome DevTools Protocol. One Chromium, whose start takes
/// seconds of processor time, has the tabs of all tests of this JVM and ends with it. Tests ask servers on ports of their own,
/// so no page meets what another one stored.
public final class Browser implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String LISTENING = "DevTools listening on ";
    private static final long PATIENCE_SECONDS = 60;

    private static @Nullable URI running; // of the Chromium's DevTools

    private final URI devTools;
    private final String id;
    private final WebSocket socket;
    private final HttpClient http = HttpClient.newHttpClient();
    private final AtomicInteger calls = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
    private final Map<String, CompletableFuture<Void>> documents = new ConcurrentHashMap<>();
    private final List<String> complaints = new CopyOnWriteArrayList<>();

    private Browser(URI devTools) throws IOException, InterruptedException {
        this.devTools = devTools;
        HttpRequest request =
                HttpRequest.newBuilder(devTools.resolve("new")).PUT(HttpRequest.BodyPublishers.noBody()).build();
        JsonNode page = JSON.readTree(http.send(request, BodyHandlers.ofString()).body());
        id = page.path("id").asText();
        socket = http.newWebSocketBuilder()
                .buildAsync(URI.create(page.path("webSocketDebuggerUrl").asText()), new Answers()).join();
        call("Page.enable");
        call("Page.setLifecycleEventsEnabled", "enabled", true);
        call("Log.enable");
        call("Runtime.enable");
    }

    /// Returns the program, or null if this machine has none.
    public static @Nullable Path program() {
        return Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome").map(Path::of)
                .filter(Files::isExecutable).findFirst().orElse(null);
    }

    /// Opens a tab, which hides the others.
    public static synchronized Browser start(Path program) throws IOException, InterruptedException {
        if (running == null) {
            running = launch(program);
        }
        return new Browser(running);
    }

    private static URI launch(Path program) throws IOException {
        Path profile = Files.createTempDirectory("browser");
        Process process = new ProcessBuilder(program.toString(), "--headless", "--no-sandbox", "--disable-gpu",
                "--hide-scrollbars", "--no-first-run", "--remote-debugging-port=0", "--user-data-dir=" + profile,
                "about:blank").redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(process, profile)));
        BufferedReader said = process.errorReader();
        for (String line = said.readLine(); line != null; line = said.readLine()) {
            if (line.startsWith(LISTENING)) {
                URI socket = URI.create(line.substring(LISTENING.length()));
                Thread.ofVirtual().start(() -> said.lines().forEach(more -> {
                    // Read, so that the browser does not wait for a reader.
                }));
                return URI.create("http://127.0.0.1:" + socket.getPort() + "/json/");
            }
        }
        throw new IOException("expected " + program + " to listen, found that it ended");
    }

    private static void end(Process process, Path profile) {
        process.destroy();
        process.onExit().orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).exceptionally(late -> process.destroyForcibly())
                .join();
        try (Stream<Path> files = Files.walk(profile)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException stillWritten) {
            return; // what the browser's last processes still write stays
        }
    }

    /// Returns another tab, which hides this one.
    Browser tab() throws IOException, InterruptedException {
        return new Browser(devTools);
    }

    private final class Answers implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
            text.append(part);
            if (last) {
                take(text.toString());
                text.setLength(0);
            }
            from.request(1);
            return CompletableFuture.completedStage(null);
        }

        private void take(String message) {
            try {
                JsonNode said = JSON.readTree(message);
                CompletableFuture<JsonNode> waiting = answers.remove(said.path("id").asInt(-1));
                if (waiting != null) {
                    waiting.complete(said);
                } else if (said.at("/params/name").asText().equals("DOMContentLoaded")) {
                    document(said.at("/params/loaderId").asText()).complete(null);
                } else if (said.path("method").asText().equals("Runtime.exceptionThrown")
                        || said.path("method").asText().equals("Log.entryAdded")
                                && said.at("/params/entry/level").asText().equals("error")) {
                    complaints.add(said.path("params").toString());
                }
            } catch (IOException e) {
                throw new IllegalStateException(message, e);
            }
        }
    }

    /// @param parameters names and values
    JsonNode call(String method, Object... parameters) {
        Map<String, Object> given = new LinkedHashMap<>();
        for (int i = 0; i < parameters.length; i += 2) {
            given.put((String) parameters[i], parameters[i + 1]);
        }
        int id = calls.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        answers.put(id, answer);
        try {
            socket.sendText(JSON.writeValueAsString(Map.of("id", id, "method", method, "params", given)), true).join();
            JsonNode said = answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            if (said.has("error")) {
                throw new IllegalStateException(method + ": " + said.path("error"));
            }
            return said.path("result");
        } catch (Exception e) {
            throw new IllegalStateException(method, e);
        }
    }

    /// Opens a page and waits until its document is read; until then an expression meets the page before, or half of this one.
    public void open(String url) {
        String loader = call("Page.navigate", "url", url).path("loaderId").asText();
        if (!loader.isEmpty()) { // only the fragment changes otherwise, and the document stays
            document(loader).orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
        }
    }

    private CompletableFuture<Void> document(String loader) {
        return documents.computeIfAbsent(loader, unused -> new CompletableFuture<>());
    }

    /// Evaluates an expression in the page and returns its value, of a promise what it is fulfilled with.
    public JsonNode evaluate(String expression) {
        JsonNode said = call("Runtime.evaluate", "expression", expression, "returnByValue", true, "awaitPromise", true);
        if (said.has("exceptionDetails")) {
            throw new IllegalStateException(expression + ": " + said.path("exceptionDetails"));
        }
        return said.at("/result/value");
    }

    /// Waits until an expression is true. Until then it may also fail: what it asks for is not on the page yet.
    void see(String expression) {
        see(expression, Duration.ofSeconds(PATIENCE_SECONDS));
    }

    /// Likewise, at most so long.
    public void see(String expression, Duration within) {
        try {
            await().atMost(within).pollInterval(Duration.ofMillis(100))
                    .ignoreExceptionsInstanceOf(IllegalStateException.class)
                    .until(() -> evaluate(expression).asBoolean());
        } catch (ConditionTimeoutException late) {
            throw new AssertionError("expected within " + within + ": " + expression + "; found a page with\n" + text(),
                    late);
        }
    }

    /// Returns what the page shows as text, without what is hidden.
    String text() {
        return evaluate("document.body.innerText").asText();
    }

    public void size(int width, int height) {
        call("Emulation.setDeviceMetricsOverride", "width", width, "height", height, "deviceScaleFactor", 1, "mobile",
                false);
    }

    void prefersDark(boolean dark) {
        call("Emulation.setEmulatedMedia", "features",
                List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light")));
    }

    /// Presses a key as a person does.
    ///
    /// @param code of Windows' virtual keys, as the protocol wants it
    void press(String key, int code) {
        press(key, code, 0);
    }

    /// @param modifiers 8 for Shift
    void press(String key, int code, int modifiers) {
        String text = key.length() == 1 ? key : key.equals("Enter") ? "\r" : "";
        call("Input.dispatchKeyEvent", "type", "keyDown", "key", key, "windowsVirtualKeyCode", code, "text", text,
                "modifiers", modifiers);
        call("Input.dispatchKeyEvent", "type", "keyUp", "key", key, "windowsVirtualKeyCode", code, "modifiers",
                modifiers);
    }

    /// Types a text into what has the focus.
    public void type(String text) {
        for (char each : text.toCharArray()) {
            press(String.valueOf(each), Character.toUpperCase(each));
        }
    }

    /// Scrolls to an element, moves the pointer to its middle and clicks.
    ///
    /// @param element an expression
    public void click(String element) {
        JsonNode middle =
                evaluate("(of => { of.scrollIntoView({ block: 'center' }); const box = of.getBoundingClientRect();"
                        + " return [box.x + box.width / 2, box.y + box.height / 2]; })(" + element + ")");
        click(middle.get(0).asDouble(), middle.get(1).asDouble());
    }

    /// Moves the pointer there and clicks.
    void click(double x, double y) {
        for (String type : List.of("mouseMoved", "mousePressed", "mouseReleased")) {
            call("Input.dispatchMouseEvent", "type", type, "x", x, "y", y, "button",
                    type.equals("mouseMoved") ? "none" : "left", "clickCount", type.equals("mouseMoved") ? 0 : 1);
        }
    }

    /// Presses the pointer at the first of some places (x, y, x, y, …), moves it to the others, and lets go.
    void drag(double... places) {
        for (int at = 0; at < places.length; at += 2) {
            call("Input.dispatchMouseEvent", "type", at == 0 ? "mousePressed" : "mouseMoved", "x", places[at], "y",
                    places[at + 1], "button", "left", "buttons", 1, "clickCount", at == 0 ? 1 : 0);
        }
        call("Input.dispatchMouseEvent", "type", "mouseReleased", "x", places[places.length - 2], "y",
                places[places.length - 1], "button", "left", "clickCount", 1);
    }

    /// Returns what the browser complained about: exceptions, refused scripts, files that are not there.
    List<String> complaints() {
        return new ArrayList<>(complaints);
    }

    /// Returns what axe-core finds wrong with the page, as it is now.
    List<String> barriers(String state) throws IOException {
        if (!evaluate("'axe' in window").asBoolean()) {
            try (InputStream script = Browser.class.getResourceAsStream("/axe.min.js")) {
                evaluate(new String(Objects.requireNonNull(script).readAllBytes(), StandardCharsets.UTF_8) + "; true");
            }
        }
        JsonNode found = evaluate("axe.run().then(({ passes, violations }) => passes.length < 10 ? ['no checks'] :"
                + " violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>"
                + " `${id} at ${target}: ${failureSummary}`)))");
        List<String> barriers = new ArrayList<>();
        found.forEach(each -> barriers.add(state + ": " + each.asText()));
        return barriers;
    }

    /// Keeps how the whole page looks in the module's `target/pages`, for people.
    void screenshot(String name) throws IOException {
        JsonNode size = call("Page.getLayoutMetrics").path("cssContentSize");
        String data = call("Page.captureScreenshot", "format", "png", "captureBeyondViewport", true, "clip", Map.of("x",
                0, "y", 0, "width", size.path("width").asInt(), "height", size.path("height").asInt(), "scale", 1))
                .path("data").asText();
        Path file = Path.of("target", "pages", name + ".png");
        Files.createDirectories(file.getParent());
        Files.write(file, Base64.getDecoder().decode(data));
    }

    @Override
    public void close() {
        socket.abort();
        HttpRequest request = HttpRequest.newBuilder(devTools.resolve("close/" + id)).build();
        http.sendAsync(request, BodyHandlers.ofString()).orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
        http.close();
    }
}
