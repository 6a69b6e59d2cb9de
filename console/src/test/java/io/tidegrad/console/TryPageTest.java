package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/// The panel on which people make events and see what a scorer answers, in a real Chromium. Machines without one leave
/// these tests out.
class TryPageTest {
    private static final int ARROW_RIGHT = 39;
    private static final int ARROW_DOWN = 40;
    private static final int SHIFT = 8;
    private static final String HOSTILE = "<img src=x onerror=\"hacked=1\">"; // without a dot, which would part a path
    private static final String FLIGHTS = """
            model: fraud
            input: { topic: flights }
            label: { field: late }
            features:
              - number:    { field: distance, scale: standard }
              - time-part: { field: departed, parts: [hour, weekday], dimension: 8 }
              - category:  { field: '%s', buckets: 512, dimension: 8 }
              - category:  { field: merchant.country, buckets: 512, dimension: 8 }
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 0.03 } }
            """.formatted(HOSTILE);
    private static final String DIGITS = """
            model: fraud
            input: { topic: digits }
            label: { field: digit, classes: 3 }
            features:
              - pixels: { field: pixels, width: 28, height: 28 }
            network: [ dense: 3 ]
            loss: categorical-cross-entropy
            optimizer: { sgd: { rate: 0.03 } }
            """;

    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private final Topic topic = new Topic(Topics.DEFAULT, registry);
    private final Picture picture = new Picture(List.of());
    private final RecordIntake intake = new RecordIntake(Topics.DEFAULT, registry, picture);
    private List<Map<String, Object>> events = List.of();
    private String problem = "";
    private StandInScorer scorer;
    private ConsoleServer server;
    private Browser browser;

    @BeforeEach
    void start() throws Exception {
        Path program = Browser.program();
        if (program == null) {
            throw new TestAbortedException("expected a Chromium on this machine, found none");
        }
        scorer = new StandInScorer(record -> "{\"probabilities\": [0.5]}");
        server = ConsoleServer.start(ConsoleServerTest.config(new ServerSecurity(null, null), 0), picture, null,
                new TryEndpoint(picture, (spec, from) -> new NewestEvents.Read(events, problem),
                        new ScorerAddress(scorer.url(), null)));
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
        if (scorer != null) {
            scorer.close();
        }
    }

    private void open(String spec) {
        intake.take(topic.registered("fraud", spec));
        browser.open("http://127.0.0.1:" + server.port() + "/#fraud");
    }

    private void see(String expression) {
        browser.see(expression);
    }

    private void serve(long version, Function<JsonNode, String> predicts) {
        scorer.serves(version, predicts);
        intake.take(topic.status(new ProcessStatus("host:1-abcdefgh", false, Topic.NOW, "host:8080",
                List.of(new ProcessStatus.Served("fraud", "fraud", 1, version, true, false, "")))));
        picture.news();
    }

    private static Map<String, Object> flight(int distance, String origin, boolean late) {
        return Map.of("distance", (long) distance, "departed", 988_705_800_000L, HOSTILE, origin, "merchant.country",
                "DE", "late", late);
    }

    /// A bar of ink from the top to the bottom, as wide as a pen draws.
    private static Map<String, Object> digit(int label) {
        List<Integer> pixels = IntStream.range(0, 784)
                .mapToObj(at -> at % 28 > 12 && at % 28 < 15 && at > 4 * 28 && at < 24 * 28 ? 255 : 0).toList();
        return Map.of("pixels", pixels, "digit", (long) label);
    }

    private static String far(JsonNode record) {
        return "{\"probabilities\": [" + (record.path("distance").asDouble() > 2_000 ? 0.9 : 0.1) + "]}";
    }

    @Test
    void aSliderThatIsMovedAsksTheScorerAndThePredictionChanges() {
        events = List.of(flight(500, "SFO", true), flight(100, "JFK", false), flight(4_000, HOSTILE, false));
        scorer.serves(1, TryPageTest::far);
        open(FLIGHTS);
        see("document.querySelector('.verdict')?.textContent === 'late: 10.0 %'");
        assertThat(browser.text()).contains("late is true");
        assertThat(browser
                .evaluate("(() => { const slider = document.querySelector('.try input[type=range]');"
                        + " return slider.min === '100' && slider.max === '4000' && slider.value === '500'; })()")
                .asBoolean()).isTrue();

        browser.evaluate("document.querySelector('.try input[type=range]').focus()");
        browser.press("End", 35);
        see("document.querySelector('.verdict').textContent === 'late: 90.0 %'");
        see("document.querySelector('.try input[type=number]').value === '4000'");
        see("document.querySelector('.bars li .fill').style.width === '90%'");

        JsonNode asked = scorer.asked().getLast();
        assertThat(asked.path("distance").asInt()).isEqualTo(4_000);
        assertThat(asked.path("departed").asLong()).isEqualTo(988_705_800_000L);
        assertThat(asked.at("/merchant/country").asText()).isEqualTo("DE");
        assertThat(asked.path(HOSTILE).asText()).isEqualTo("SFO");
        assertThat(asked.has("late")).isFalse();
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void namesAndValuesOfFieldsAreTextsWhateverTheyHold() {
        events = List.of(flight(500, HOSTILE, true), flight(100, "JFK", false));
        scorer.serves(1, record -> "{\"probabilities\": [0.5], \"class\": \"" + HOSTILE.replace("\"", "\\\"") + "\"}");
        open(FLIGHTS);
        see("document.querySelector('.verdict')?.textContent === 'late: 50.0 %'");
        assertThat(browser.evaluate("[...document.querySelectorAll('.try label')].map(each => each.textContent).join()")
                .asText()).contains(HOSTILE);
        assertThat(
                browser.evaluate("[...document.querySelectorAll('.try option')].map(each => each.textContent).join()")
                        .asText())
                .contains(HOSTILE);
        scorer.answers(400, "{\"reason\": \"wrong-type\", \"message\": \"<script>window.hacked=1</script>\"}");
        browser.evaluate("document.querySelector('.take button').click()");
        see("document.querySelector('#panel-try-it').closest('.panel').innerText.includes('<script>')");
        assertThat(browser.evaluate("'hacked' in window || document.querySelector('.try img') !== null").asBoolean())
                .isFalse();
    }

    @Test
    void theSameEventIsAnsweredByEachVersionThatComes() {
        events = List.of(flight(500, "SFO", true));
        scorer.serves(1, record -> "{\"probabilities\": [0.25]}");
        open(FLIGHTS);
        see("document.querySelector('.verdict')?.textContent === 'late: 25.0 %'");
        serve(2, record -> "{\"probabilities\": [0.5]}");
        see("document.querySelector('.verdict').textContent === 'late: 50.0 %'");
        serve(3, record -> "{\"probabilities\": [0.75]}");
        see("document.querySelector('.course').textContent === 'late, by 3 versions: from 25.0 % to 75.0 %'");
        see("document.querySelector('.course polyline').getAttribute('points').split(' ').length === 3");
        see("document.querySelector('.answered').textContent.includes('version 3 of epoch 1')");
    }

    private double[] paper() {
        JsonNode box = browser.evaluate("(() => { const paper = document.querySelector('.paper');"
                + " paper.scrollIntoView({ block: 'center' }); const { left, top, width } = paper.getBoundingClientRect();"
                + " return [left, top, width]; })()");
        return new double[]{box.get(0).asDouble(), box.get(1).asDouble(), box.get(2).asDouble()};
    }

    /// Looks at whether ink stands (0), lies (1), or is not there (2).
    private static String direction(JsonNode record) {
        int[] columns = new int[28];
        int[] rows = new int[28];
        for (int at = 0; at < 784; at++) {
            if (record.path("pixels").path(at).asInt() > 100) {
                columns[at % 28] = 1;
                rows[at / 28] = 1;
            }
        }
        int wide = IntStream.of(columns).sum();
        int high = IntStream.of(rows).sum();
        return "{\"probabilities\": "
                + (high > wide ? "[0.8, 0.1, 0.1]" : wide > high ? "[0.1, 0.8, 0.1]" : "[0.1, 0.1, 0.8]") + "}";
    }

    @Test
    void whatIsDrawnIsAskedAndThePredictionChanges() {
        events = IntStream.range(0, 12).mapToObj(TryPageTest::digit).toList();
        scorer.serves(1, TryPageTest::direction);
        open(DIGITS);
        see("document.querySelector('.verdict')?.textContent === '0'");
        assertThat(browser.text()).contains("digit is 0");
        assertThat(scorer.asked().getLast().path("pixels")).hasSize(784);

        double[] at = paper();
        double unit = at[2] / 28;
        browser.drag(at[0] + 3 * unit, at[1] + 5 * unit, at[0] + 6 * unit, at[1] + 5 * unit, at[0] + 9 * unit,
                at[1] + 5 * unit);
        see("document.querySelector('.verdict').textContent === '1'");
        JsonNode drawn = scorer.asked().getLast().path("pixels");
        assertThat(drawn).hasSize(784);
        // As large as what is learned, and in the middle, though it was drawn small and in a corner.
        List<Integer> inked = IntStream.range(0, 784).filter(pixel -> drawn.path(pixel).asInt() > 100).boxed().toList();
        assertThat(inked.stream().mapToInt(pixel -> pixel % 28).max().orElse(0)
                - inked.stream().mapToInt(pixel -> pixel % 28).min().orElse(0)).isBetween(17, 21);
        assertThat(inked).allMatch(pixel -> pixel / 28 >= 11 && pixel / 28 <= 16);

        browser.evaluate("document.querySelector('.beside button').click()");
        see("document.querySelector('.verdict').textContent === '2'");
        assertThat(scorer.asked().getLast().path("pixels")).allMatch(pixel -> pixel.asInt() == 0);
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void whoHasNoPointerDrawsWithKeys() {
        scorer.serves(1, TryPageTest::direction);
        problem = "expected the right READ on topic digits";
        open(DIGITS);
        see("document.querySelector('.verdict')?.textContent === '2'");
        assertThat(browser.text()).contains("No event to begin with: expected the right READ on topic digits");

        browser.evaluate("document.querySelector('.paper').focus()");
        browser.press("ArrowRight", ARROW_RIGHT);
        for (int i = 0; i < 6; i++) {
            browser.press("ArrowDown", ARROW_DOWN, SHIFT);
        }
        see("document.querySelector('.verdict').textContent === '0'");
        browser.press("Delete", 46);
        see("document.querySelector('.verdict').textContent === '2'");
        browser.press("/", 191); // the page's own keys still work
        see("document.activeElement.id === 'search'");
    }

    @Test
    void aScorerThatDoesNotAnswerIsToldInPlainWords() {
        events = List.of(flight(500, "SFO", true));
        scorer.close();
        open(FLIGHTS);
        see("document.querySelector('#panel-try-it').closest('.panel').innerText.includes('No answer: no scorer answers at "
                + scorer.url() + "')");
        assertThat(browser.evaluate("document.querySelector('.answered').hidden").asBoolean()).isTrue();
    }

    @Test
    void aModelWhoseSpecCannotBeReadIsToldInPlainWords() {
        open("model: fraud\n");
        see("document.querySelector('#panel-try-it').closest('.panel').innerText"
                + ".includes('What this model reads is not known: expected a spec that this build')");
    }

    @Test
    void peopleWhoSeeOrMoveOtherwiseMeetNoBarrierThatAxeKnows() throws Exception {
        List<String> barriers = new ArrayList<>();
        for (String spec : List.of(FLIGHTS, DIGITS)) {
            boolean draws = spec.equals(DIGITS);
            events = draws ? List.of(digit(1), digit(2)) : List.of(flight(500, "SFO", true), flight(1, "JFK", false));
            scorer.serves(1, draws ? TryPageTest::direction : TryPageTest::far);
            for (boolean dark : List.of(false, true)) {
                for (int width : List.of(1_400, 360)) {
                    browser.prefersDark(dark);
                    browser.size(width, 900);
                    intake.take(topic.registered("fraud", spec));
                    browser.open("http://127.0.0.1:" + server.port() + "/?" + draws + dark + width + "#fraud");
                    see("document.querySelector('.answered')?.hidden === false");
                    see("(document.querySelector('.paper') !== null) === " + draws);
                    barriers.addAll(browser.barriers((draws ? "digits " : "flights ") + dark + " " + width));
                    assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(width);
                }
            }
        }
        assertThat(barriers).isEmpty();
        assertThat(browser.complaints()).isEmpty();
    }
}
