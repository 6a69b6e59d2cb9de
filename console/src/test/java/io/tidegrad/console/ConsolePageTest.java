package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.schemas.ChangeAlarm;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/// The page in a real Chromium. Machines without one leave these tests out.
class ConsolePageTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final int ARROW_DOWN = 40;
    private static final int ENTER = 13;
    private static final int SLASH = 191;

    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private final Topic topic = new Topic(Topics.DEFAULT, registry);
    private Picture picture = new Picture();
    private RecordIntake intake = new RecordIntake(Topics.DEFAULT, registry, picture);
    private ConsoleServer server;
    private Browser browser;

    @BeforeEach
    void start() throws Exception {
        Path program = Browser.program();
        if (program == null) {
            throw new TestAbortedException("expected a Chromium on this machine, found none");
        }
        server = ConsoleServer.start(ConsoleServerTest.config(new ServerSecurity(null, null), 0), picture);
        browser = Browser.start(program);
        browser.size(1_400, 1_000);
    }

    @AfterEach
    void end() {
        if (browser != null) {
            browser.close();
        }
        picture.close();
        if (server != null) {
            server.close();
        }
    }

    private void open(String hash) {
        browser.open("http://127.0.0.1:" + server.port() + "/" + hash);
    }

    private void see(String expression) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(100))
                .untilAsserted(() -> assertThat(browser.evaluate(expression).asBoolean()).as(expression).isTrue());
    }

    private void takeModel(String name) {
        intake.take(topic.registered(name));
        for (int learned = 1_000; learned <= 20_000; learned += 1_000) {
            intake.take(topic.progress(Topic.report(name, learned).build()));
        }
    }

    @Test
    void namesAndPayloadsOfRecordsAreTextsWhateverTheyHold() {
        String image = "<img src=x onerror=\"window.hacked=1\">";
        String script = "<script>window.hacked=1</script>";
        String svg = "\"><svg onload=\"window.hacked=1\"></svg>";
        intake.take(topic.registered(image));
        intake.take(topic.progress(Topic.report(image, 1_000)
                .setAlarms(List.of(new ChangeAlarm("missing", script, 9L, 0.0, 1.0, 2.0, svg))).build()));
        intake.take(topic.decision(new ControlRecord(image, new ControlAction.Pause(), Topic.NOW, script, svg)));
        intake.take(topic.status(new ProcessStatus("host:1-abcdefgh", false, Topic.NOW, script,
                List.of(new ProcessStatus.Served(svg, image, 1, 5, true, false, script)))));
        intake.take(topic.deadLetter(image, script, svg, (image + script).getBytes(StandardCharsets.UTF_8)));

        open("");
        see("document.querySelector('.letter') !== null");

        browser.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })");
        assertThat(browser.text()).contains(image, script, svg, image + script);
        assertThat(browser.evaluate("document.querySelector('h1').textContent").asText()).isEqualTo(image);
        assertThat(browser.evaluate("String(window.hacked)").asText()).isEqualTo("undefined");
        assertThat(browser.evaluate("document.querySelectorAll('[onerror], [onload], body script, body svg').length")
                .asInt()).isZero();
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void twoHundredModelsAreListedFoundAndOpenedByKeyboardAlone() {
        for (int i = 0; i < 200; i++) {
            takeModel("model-%03d".formatted(i));
        }
        open("");
        see("document.querySelectorAll('#models li').length === 200");
        see("document.querySelector('h1')?.textContent === 'model-000'");

        browser.press("/", SLASH);
        for (char each : "17".toCharArray()) {
            browser.press(String.valueOf(each), each);
        }
        see("document.getElementById('count').textContent === '12 of 200 models'");
        browser.press("ArrowDown", ARROW_DOWN);
        browser.press("ArrowDown", ARROW_DOWN);
        browser.press("Enter", ENTER);

        see("document.querySelector('h1')?.textContent === 'model-117'");
        see("document.querySelectorAll('.u-wrap canvas').length === 2");
        assertThat(browser.evaluate("document.querySelector('[aria-current]').textContent").asText())
                .contains("model-117");
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aNarrowScreenNeedsNoScrollingToTheSideAndDarkIsDark() {
        takeModel("fraud");
        intake.take(topic.published("fraud", 20_000));
        browser.size(360, 800);
        browser.prefersDark(true);
        open("");
        see("document.querySelectorAll('.u-wrap canvas').length === 2");

        assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(360);
        String brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(each => each < 60)";
        assertThat(browser.evaluate(brightness).asBoolean()).isTrue();
        browser.evaluate("document.getElementById('theme').click()"); // from the system's to light
        assertThat(browser.evaluate(brightness).asBoolean()).isFalse();
    }

    @Test
    void aPageThatLostItsConsoleSaysSoAndFindsTheNextOne() {
        takeModel("fraud");
        open("#fraud");
        see("document.querySelector('h1')?.textContent === 'fraud'");
        int port = server.port();

        picture.close();
        server.close();
        see("document.getElementById('connection').textContent.includes('does not answer')");

        picture = new Picture();
        intake = new RecordIntake(Topics.DEFAULT, registry, picture);
        takeModel("fraud");
        intake.take(topic.progress(Topic.report("fraud", 54_321).build()));
        picture.caughtUp();
        server = ConsoleServer.start(ConsoleServerTest.config(new ServerSecurity(null, null), port), picture);
        see("document.getElementById('connection').textContent === 'live'");
        see("document.querySelector('.tile .value').textContent === '54,321'");
    }
}
