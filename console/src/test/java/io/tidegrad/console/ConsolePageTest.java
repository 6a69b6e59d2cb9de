package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.control.RunStatus;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AsServed;
import io.tidegrad.schemas.ChangeAlarm;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Slice;
import io.tidegrad.schemas.Topics;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/// The page in a real Chromium. Machines without one leave these tests out.
class ConsolePageTest {
    private static final int ARROW_DOWN = 40;
    private static final int ENTER = 13;
    private static final int ARROW_LEFT = 37;
    private static final int HOME = 36;
    private static final int ESCAPE = 27;
    private static final int TAB = 9;
    private static final int SLASH = 191;

    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private final Topic topic = new Topic(Topics.DEFAULT, registry);
    private Picture picture = new Picture(List.of());
    private RecordIntake intake = new RecordIntake(Topics.DEFAULT, registry, picture);
    private final List<AskedDecision> asked = new CopyOnWriteArrayList<>();
    private ConsoleServer server;
    private Browser browser;
    private final List<Browser> otherTabs = new ArrayList<>();

    @BeforeEach
    void start() throws Exception {
        Path program = Browser.program();
        if (program == null) {
            throw new TestAbortedException("expected a Chromium on this machine, found none");
        }
        server = ConsoleServer.start(ConsoleServerTest.config(new ServerSecurity(null, null), 0), picture, this::decide,
                null);
        browser = Browser.start(program);
        browser.size(1_400, 1_000);
    }

    @AfterEach
    void end() {
        otherTabs.forEach(Browser::close);
        if (browser != null) {
            browser.close();
        }
        picture.close();
        if (server != null) {
            server.close();
        }
    }

    private Map<String, Object> decide(AskedDecision decision) {
        asked.add(decision);
        if (decision.reason().equals("no")) {
            throw new ControlException(ControlException.Reason.CONFIGURATION, "expected a better reason");
        }
        return Map.of("action", decision.action().word(), "model", decision.model(), "what", "epoch 2");
    }

    private void open(String hash) {
        browser.open("http://127.0.0.1:" + server.port() + "/" + hash);
    }

    private void see(String expression) {
        browser.see(expression);
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
                .setAlarms(List.of(new ChangeAlarm("missing", script, 9L, 0.0, 1.0, 2.0, svg)))
                .setSlices(List.of(Slice.newBuilder().setField(script).setValue(svg).setLabels(9).setMissed(0)
                        .setAll(Map.of("log_loss", 0.5)).setRecent(Map.of("labels", 8.0)).build()))
                .setLearner(Topic.learner(script, svg, 3)).setFields(Topic.fields(script)).build()));
        intake.take(topic.decision(new ControlRecord(image, new ControlAction.Shadow(svg, 1), Topic.NOW, script, svg)));
        intake.take(topic.decision(new ControlRecord(image, new ControlAction.Pause(), Topic.NOW, script, svg)));
        intake.take(topic.status(new ProcessStatus("host:1-abcdefgh", false, Topic.NOW, script,
                List.of(new ProcessStatus.Served(svg, image, 1, 5, true, false, script)))));
        intake.take(topic.deadLetter(image, script, svg, (image + script).getBytes(StandardCharsets.UTF_8)));

        open("");
        see("document.querySelector('.letter') !== null");

        browser.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })");
        assertThat(browser.text()).contains(image, script, svg, image + script);
        assertThat(browser.evaluate("document.querySelector('.slices h3').textContent").asText()).isEqualTo(script);
        assertThat(browser.evaluate("document.querySelector('.slices td').textContent").asText()).isEqualTo(svg);
        assertThat(browser.evaluate("document.querySelector('.tried td').textContent").asText()).isEqualTo(svg);
        assertThat(browser.evaluate("document.querySelector('.health td').textContent").asText()).isEqualTo(script);
        assertThat(browser.evaluate("document.querySelector('.health td + td').textContent").asText()).isEqualTo(svg);
        assertThat(browser.evaluate("document.querySelector('.fields td').textContent").asText()).isEqualTo(script);
        assertThat(browser.evaluate("document.querySelector('.fields .held').textContent").asText())
                .isEqualTo(script + " is not what it has been.");
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
        for (int learned = 21_000; learned <= 600_000; learned += 1_000) {
            intake.take(topic.progress(Topic.report("model-000", learned).build()));
        }
        browser.call("Page.addScriptToEvaluateOnNewDocument", "source", """
                addEventListener('DOMContentLoaded', function look() {
                  if (document.querySelectorAll('#models li').length === 200
                    && document.querySelectorAll('.u-wrap canvas').length === 2) window.whole = performance.now();
                  else requestAnimationFrame(look);
                })""");
        List<String> paints = new ArrayList<>();
        for (int load = 0; load < 5; load++) {
            open("?" + load);
            see("window.whole > 0");
            see("document.querySelector('h1')?.textContent === 'model-000'");
            paints.add("%.0f"
                    .formatted(browser.evaluate("new Promise(done => new PerformanceObserver(seen =>"
                            + " done(seen.getEntriesByName('first-contentful-paint')[0].startTime))"
                            + ".observe({ type: 'paint', buffered: true }))").asDouble())
                    + " and %.0f".formatted(browser.evaluate("window.whole").asDouble()));
        }
        // Numbers for people, which also tell of the machine.
        System.out.println("200 models, ms until the first contentful paint, and until list and charts are there: "
                + String.join(", ", paints));

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

    private void tabTo(String expression) {
        for (int presses = 0; !browser.evaluate(expression).asBoolean(); presses++) {
            assertThat(presses).as(expression).isLessThan(60);
            browser.press("Tab", TAB);
        }
    }

    @Test
    void aVersionIsGoneBackToByKeyboardAloneOnceItIsConfirmedWithANameAndAReason() {
        takeModel("fraud");
        intake.take(topic.published("fraud", 10_000));
        intake.take(topic.published("fraud", 20_000));
        picture.news();
        String button = "document.activeElement.dataset.key === 'rollback fraud 1 10000'";
        open("#fraud");
        see("document.querySelectorAll('.versions tbody tr').length === 2");

        tabTo(button);
        browser.press("Enter", ENTER);
        see("document.querySelector('dialog[open] h2').textContent.includes('to version 10,000 of epoch 1')");
        browser.press("Enter", ENTER); // neither a name nor a reason yet
        browser.type("ann");
        tabTo("document.activeElement.name === 'reason'");
        browser.type("no");
        browser.press("Enter", ENTER);
        see("document.querySelector('.answer').textContent === 'Not decided: expected a better reason'");
        assertThat(asked).extracting(AskedDecision::author).containsExactly("ann");

        tabTo("document.activeElement.name === 'reason'");
        browser.type("pe");
        browser.press("Enter", ENTER);
        see("document.querySelector('.answer').textContent.startsWith('Decided: rollback of fraud: epoch 2.')");
        assertThat(asked.getLast()).isEqualTo(new AskedDecision("fraud", AskedDecision.Action.ROLLBACK, "ann", "nope",
                "fraud",
                new Decisions.Back(OptionalInt.of(1), 10_000, new Decisions.ResumeAt.At(new LogPosition.End()))));

        intake.take(topic.published("fraud", 30_000));
        picture.news();
        see("document.querySelectorAll('.versions tbody tr').length === 3");
        browser.press("Escape", ESCAPE);
        see("document.querySelector('dialog') === null");
        assertThat(browser.evaluate(button).asBoolean()).isTrue();
        assertThat(browser.complaints()).allMatch(each -> each.contains("409"));
    }

    @Test
    void aPointOfAChartTellsItsOffsetAndVersionWhenItIsClickedOrGoneToByArrowKeys() {
        takeModel("fraud");
        open("#fraud");
        see("document.querySelectorAll('.u-over').length === 2");
        tabTo("document.activeElement.className === 'chart'");
        browser.press("ArrowLeft", ARROW_LEFT);
        see("document.querySelector('.picked').textContent.includes("
                + "'version 20,000 of epoch 1 · next offset 20,009 · 20,000 events learned')");
        browser.press("ArrowLeft", ARROW_LEFT);
        see("document.querySelector('.picked').textContent.includes('version 19,000')");

        String box = "document.querySelector('.u-over').getBoundingClientRect()";
        double x = browser.evaluate(box + ".left").asDouble() + 1;
        double y = browser.evaluate(box + ".top").asDouble() + 110;
        assertThat(browser.evaluate("document.elementFromPoint(%s, %s).className".formatted(x, y)).asText())
                .isEqualTo("u-over");
        browser.click(x, y);
        see("document.querySelector('.picked').textContent.includes('version 1,000 of epoch 1 · next offset 1,009')");
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aPausedModelIsResumedAndWhatIsTriedIsPromotedToTheNameItIsTriedUnder() {
        takeModel("fraud");
        takeModel("wide");
        intake.take(topic.decision(new ControlRecord("fraud", new ControlAction.Shadow("wide", 1), Topic.NOW, "", "")));
        intake.take(topic.compared("fraud", "wide"));
        picture.news();
        open("#fraud");
        see("document.querySelector('.tried button') !== null");
        assertThat(browser.evaluate("document.querySelector('.tried tbody').innerText").asText())
                .contains("can't tell yet");
        assertThat(browser.evaluate("document.querySelector('.title .buttons').innerText").asText())
                .isEqualToIgnoringWhitespace("Pause Promote");

        browser.evaluate("document.querySelector('.tried button').click()");
        assertThat(browser.evaluate("document.querySelector('dialog select').value").asText()).isEqualTo("fraud");
        browser.type("ann");
        tabTo("document.activeElement.name === 'reason'");
        browser.type("better");
        browser.press("Enter", ENTER);
        see("document.querySelector('.answer').textContent.startsWith('Decided')");
        assertThat(asked).containsExactly(
                new AskedDecision("wide", AskedDecision.Action.PROMOTE, "ann", "better", "fraud", null));

        browser.press("Enter", ENTER); // closes
        intake.take(topic.paused("fraud"));
        picture.news();
        see("document.querySelector('.title .buttons').innerText.startsWith('Resume')");
    }

    private ProcessStatus serving(long version, String problem) {
        return new ProcessStatus("host:1-abcdefgh", false, Topic.NOW, "host:8080",
                List.of(new ProcessStatus.Served("fraud", "fraud", 1, version, true, false, problem)));
    }

    private static RunStatus running(RunStatus.Role role, String name, RunStatus.State state, String problem) {
        return Topic.running(role, "a", false, new RunStatus.Run(name, 1, state, problem, 5_000,
                List.of(new RunStatus.Read("events", 0, 20_009, 25_009), new RunStatus.Read("events", 1, 9, 9))));
    }

    @Test
    void aTrainerThatFallsSilentIsNamedWhereverOneLooksUntilItTellsAgain() {
        String row = "document.querySelector('.processes tbody').rows[0].innerText";
        RunStatus trainer = running(RunStatus.Role.TRAINER, "fraud", RunStatus.State.RUNNING, "");
        takeModel("fraud");
        takeModel("other");
        intake.take(topic.status(trainer, System.currentTimeMillis()));
        picture.caughtUp();
        open("#fraud");
        see(row + ".includes('running')");
        see(row + ".includes('machine-7, 10.0.0.7:8081')");
        see(row + ".includes('events-0: 20,009 of 25,009')");
        see("document.querySelector('.processes .unknown') === null"); // of a stream alone

        intake.take(topic.status(trainer, System.currentTimeMillis() - 40_000));
        picture.news();
        see(row + ".includes('silent for 4')");
        assertThat(browser.evaluate("document.querySelector('#problems').innerText").asText()).isEmpty();
        intake.take(topic.status(trainer, System.currentTimeMillis() - 58_000));
        picture.news();
        see("document.querySelector('#problems').innerText"
                + ".startsWith('The trainer at machine-7, 10.0.0.7:8081 has been silent since ')");
        open("#other");
        see("document.querySelector('h1')?.textContent === 'other'");
        see("document.querySelector('#problems').innerText.includes('has been silent since')");
        see("document.querySelector('.processes').innerText.includes('No trainer has told in the last hour')");

        picture.problem("The topics can't be read: no broker");
        see("document.querySelector('#problems').innerText.startsWith('The topics')");
        picture.problem("");
        intake.take(topic.status(running(RunStatus.Role.TRAINER, "fraud", RunStatus.State.STALLED, "stalled: 5,000"),
                System.currentTimeMillis()));
        picture.news();
        see("document.querySelector('#problems').innerText === ''");
        open("#fraud");
        see(row + ".includes('stalled (stalled: 5,000)')");
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void whatVerifyReplayAndChaosFoundIsShownWithItsAgeAndADifferenceIsANotice() {
        String proof = "document.querySelector('.proof').innerText";
        takeModel("fraud");
        intake.take(topic.published("fraud", 20_000));
        open("#fraud");
        see("document.querySelector('.proof') !== null");
        see(proof + ".includes('Neither verify, replay nor chaos has told what it found.')");

        intake.take(topic.told(Topic.verdict("fraud", "").build()));
        intake.take(topic.told(Topic.verdict("fraud", "").setCommand("replay").setEpoch(null).setEqual(null)
                .setExpected(null).setCompared(0).build()));
        picture.news();
        see("document.querySelectorAll('.proof .verdict.calm').length === 2");
        see(proof + ".includes('verify equal at 12 checkpoints, version 1.20000; offsets 7 to 20,006')");
        see(proof + ".includes('replay equal to what is published, version 20,000')");
        assertThat(browser.evaluate("getComputedStyle(document.querySelector('.proof .verdict')).fontSize").asText())
                .isEqualTo("14px");
        intake.take(topic.told(Topic.verdict("", "").setCommand("chaos").setEpoch(null).setVersion(0).setFromOffset(0)
                .setNextOffset(0).setExpected(null).setFound(null)
                .setDetail("faults 40, trainers killed 52, violations 0, seed 7").build()));
        picture.news();
        see(proof
                + ".includes('chaos faults 40, trainers killed 52, violations 0, seed 7; 20,000 events, 12 watermarks')");
        see("/ \\d+ d ago, on machine-8 with build 0.1.0, SCALAR/.test(" + proof + ")");
        assertThat(browser.evaluate("document.querySelector('article > .notices').innerText").asText()).isEmpty();

        intake.take(topic.told(Topic.verdict("fraud", "first seen in the snapshot 1.20000").build()));
        intake.take(topic.told(Topic.verdict("fraud", "").setCommand("replay").setEpoch(null).setEqual(null)
                .setExpected(null).setCompared(0).setFound("cd".repeat(32)).build()));
        picture.news();
        see("document.querySelectorAll('.proof .verdict.bad').length === 2");
        String notices = "document.querySelector('article > .notices').innerText";
        see(notices + ".includes('verify differs: first seen in the snapshot 1.20000')");
        see(notices + ".includes('replay differs from what is published at that offset, " + Topic.HASH + "')");
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void theCommandsThatReplayFromAVersionOrAPointCanBeCopied() {
        String proof = "document.querySelector('.proof').innerText";
        takeModel("fraud");
        intake.take(topic.published("fraud", 10_000));
        intake.take(topic.published("fraud", 20_000));
        picture.news();
        open("#fraud");
        see("document.querySelector('.proof') !== null");
        see(proof + ".includes('./tidegrad replay --model fraud --from snapshot:20000')");
        browser.evaluate("document.querySelector('[data-key=\"replay 1 10000\"]').click(); true");
        see(proof + ".includes('./tidegrad replay --model fraud --from snapshot:10000')");
        see(proof + ".includes('./tidegrad snapshots at --model fraud --offset 10007')");
        tabTo("document.activeElement.className === 'chart'");
        browser.press("ArrowLeft", ARROW_LEFT);
        browser.press("ArrowLeft", ARROW_LEFT);
        see(proof + ".includes('Replay from here: version 19,000 of epoch 1, next offset 19,009')");
        see(proof + ".includes('--from snapshot:10000')");
        assertThat(browser.complaints()).isEmpty();
    }

    /// A console that hears nothing knows nothing of the silence and the standstill of others.
    @Test
    void aConsoleThatCantReadCallsNoProcessSilentAndNoStageStill() {
        picture.problem("The topics can't be read: no broker");
        picture.caughtUp();
        takeModel("fraud");
        intake.take(topic.status(running(RunStatus.Role.TRAINER, "fraud", RunStatus.State.RUNNING, ""),
                System.currentTimeMillis() - 600_000));
        picture.logsEnd(Map.of("events", 25_009L), Topic.NOW);
        open("#fraud");
        see("document.querySelector('.processes tbody') !== null");
        see("document.getElementById('connection').textContent === 'not live'"); // never was
        see("document.querySelector('.flow li:nth-child(2)').innerText.includes('5,000 events wait')");
        assertThat(browser.text()).doesNotContain("silent", "stands still", "none for", "Held up");
        picture.problem("");
        see("document.querySelector('#problems').innerText.includes('has been silent since')");
        see("document.querySelector('.flow li:nth-child(2)').innerText.includes('stands still for')");
        see("document.querySelector('.flow li:nth-child(1)').innerText.includes('none for')");
    }

    @Test
    void aTableThatChangesEverySecondStaysWhereItIsScrolledTo() {
        takeModel("fraud");
        intake.take(topic.status(running(RunStatus.Role.TRAINER, "fraud", RunStatus.State.RUNNING, ""),
                System.currentTimeMillis()));
        browser.size(360, 800);
        open("#fraud");
        see("document.querySelector('.processes tbody') !== null");
        browser.evaluate("document.querySelector('.processes .scroll').scrollLeft = 120; true");
        intake.take(topic.status(running(RunStatus.Role.TRAINER, "fraud", RunStatus.State.RUNNING, "changed: odd"),
                System.currentTimeMillis()));
        picture.news();
        see("document.querySelector('.processes tbody').innerText.includes('changed: odd')");
        see("document.querySelector('.processes .scroll').scrollLeft === 120");
        assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt()).isEqualTo(360);
    }

    @Test
    void whatStandsStillIsColouredAndThePlaceThatHoldsTheOthersUpIsNamed() {
        String stage = "document.querySelector('.flow li:nth-child(%d)')";
        String heldUp = "document.querySelector('.flow').previousElementSibling.textContent === '%s'";
        takeModel("fraud");
        intake.take(topic.published("fraud", 10_000));
        intake.take(topic.published("fraud", 20_000));
        intake.take(topic.status(serving(10_000, "")));
        picture.logsEnd(Map.of("events", 25_009L), Topic.NOW);
        picture.caughtUp();
        open("#fraud");

        see("document.querySelector('.flow') !== null");
        see(heldUp.formatted("Held up where it is learned."));
        see((stage + ".className === 'bad'").formatted(2));
        see((stage + ".innerText.includes('5,000 events wait')").formatted(2));
        see((stage + ".innerText.includes('stands still for')").formatted(2));

        intake.take(topic.heartbeat("fraud", 20_000, true));
        picture.news();
        see(heldUp.formatted("Held up where it is served."));
        see((stage + ".innerText.includes('host:8080 is 10,000 updates behind')").formatted(4));
        see("document.querySelector('.latency tbody').rows.length === 3");

        intake.take(topic.status(serving(20_000, "")));
        see(heldUp.formatted("Nothing holds it up."));
        intake.take(topic.status(serving(20_000, "no golden row")));
        see((stage + ".innerText.includes('host:8080: no golden row')").formatted(4));
        assertThat(browser.complaints()).isEmpty();
    }

    private static final String HELD_UP = "document.querySelector('.flow').previousElementSibling.textContent === '%s'";

    /// @param read how many of 50,010 records are joined
    private void takeJoiner(RunStatus.State state, long read, long end, long lag, long appended) {
        intake.take(topic.status(Topic.running(RunStatus.Role.JOINER, "j", false,
                new RunStatus.Run("payments", 1, state, "", lag, List.of(new RunStatus.Read("raw", 0, read, end)))),
                appended));
        picture.news();
    }

    @Test
    @LongProof("a joiner's limit of a minute")
    void aJoinerThatStandsStillOrIsTooSlowIsNamedAlthoughTheModelHasCaughtUp() {
        String joined = "document.querySelector('.flow li:first-child')";
        intake.take(topic.registeredOn("fraud", "tidegrad.examples.payments.1"));
        intake.take(topic.progress(Topic.report("fraud", 20_000).build()));
        intake.take(topic.heartbeat("fraud", 20_000, true));
        picture.logsEnd(Map.of("tidegrad.examples.payments.1", 20_009L), Topic.NOW);
        picture.caughtUp();
        open("#fraud");
        see("document.querySelector('.flow .label')?.textContent === 'Joined'");
        long now = System.currentTimeMillis(); // from here on, so that none is silent while a slow page is awaited
        takeJoiner(RunStatus.State.RUNNING, 10, 10, 0, now);
        see("document.body.innerText.includes('raw-0: 10 of 10')");
        see(HELD_UP.formatted("Nothing holds it up."));

        takeJoiner(RunStatus.State.RUNNING, 1_010, 51_010, 50_000, now + 10_000);
        see(HELD_UP.formatted("Held up where it is joined."));
        see(joined + ".className === 'warn'");
        see(joined + ".innerText.includes('slower than events come, 50,000 records wait')");
        takeJoiner(RunStatus.State.RUNNING, 51_010, 51_010, 0, now + 20_000);
        see(HELD_UP.formatted("Nothing holds it up."));

        for (RunStatus.State state : List.of(RunStatus.State.STALLED, RunStatus.State.RETRYING,
                RunStatus.State.FAILED)) {
            takeJoiner(state, 51_010, 101_010, 50_000, now + 24_000);
            see(joined + ".innerText.includes('joiner at machine-7, 10.0.0.7:8081 is "
                    + state.name().toLowerCase(Locale.ROOT) + ", 50,000 records wait')");
            see(joined + ".className === 'bad'");
            see(HELD_UP.formatted("Held up where it is joined."));
        }
        takeJoiner(RunStatus.State.RUNNING, 101_010, 101_010, 0, now + 32_000);
        see(HELD_UP.formatted("Nothing holds it up."));
        takeJoiner(RunStatus.State.RUNNING, 101_010, 101_010, 0, System.currentTimeMillis() - 40_000);
        see(joined + ".innerText.includes('joiner at machine-7, 10.0.0.7:8081 is silent, and no other joins')");
        see(HELD_UP.formatted("Held up where it is joined."));
        intake.take(topic.status(
                Topic.running(RunStatus.Role.JOINER, "k", false,
                        new RunStatus.Run("payments", 1, RunStatus.State.RUNNING, "", 0, List.of())),
                System.currentTimeMillis()));
        picture.news();
        see(HELD_UP.formatted("Nothing holds it up."));
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aVersionThatIsNotPublishedIsNamedAsWhatHoldsTheOthersUp() {
        String published = "document.querySelector('.flow li:nth-child(3)')";
        takeModel("fraud");
        intake.take(topic.heartbeat("fraud", 20_000, true));
        picture.caughtUp();
        open("#fraud");
        see(published + ".innerText.includes('no version is published yet')");
        see(HELD_UP.formatted("Nothing holds it up."));

        for (int version : List.of(14_000, 15_000, 16_000)) {
            intake.take(topic.published("fraud", version));
        }
        picture.news();
        see(published + ".className === 'bad'"); // 4,000 updates, and 1,000 are usual
        see(published + ".innerText.includes('4,000 updates since')");
        see(HELD_UP.formatted("Held up where it is published."));
        intake.take(topic.published("fraud", 18_000));
        picture.news();
        see(HELD_UP.formatted("Nothing holds it up."));

        intake.take(topic.trainer("fraud", new TrainerStatus(1, Topic.NOW, TrainerStatus.LEARNING, 0, 1_000, 2, 0.0,
                List.of(new TrainerStatus.Reason("held", "the gate holds it", Topic.NOW)), List.of())));
        picture.news();
        see(published + ".innerText.includes('held by the gate')");
        see(published + ".className === 'bad'");
        see(HELD_UP.formatted("Held up where it is published."));
        assertThat(browser.complaints()).isEmpty();
    }

    /// Waits until one page alone has a connection. That another is gone shows when something is sent to it.
    private void seeOneStream() {
        await().atMost(Duration.ofMinutes(1)).until(() -> {
            intake.take(topic.heartbeat("fraud", 20_000, true));
            picture.news();
            return ConsoleServerTest.metrics(server).contains("\ntidegrad_console_pages 1.0\n");
        });
    }

    /// Chromium keeps the pages before in its back/forward cache, and opens six connections to a site.
    @Test
    void aPageThatIsLeftGivesItsConnectionBackSoTheSeventhOpensAtOnce() {
        takeModel("fraud");
        picture.caughtUp();
        for (int time = 1; time <= 8; time++) {
            browser.open("about:blank");
            open("?" + time + "#fraud");
            see("document.querySelector('h1')?.textContent === 'fraud'");
        }
        seeOneStream();
        browser.evaluate("window.kept = true");
        browser.open("about:blank");
        intake.take(topic.progress(Topic.report("fraud", 21_000).build()));
        browser.evaluate("history.back()");
        see("window.kept === true"); // from the cache, so no script begins anew
        see("document.querySelector('.tile .value').textContent === '21,000'");
        intake.take(topic.progress(Topic.report("fraud", 22_000).build()));
        picture.news();
        see("document.querySelector('.tile .value').textContent === '22,000'");
        see("document.getElementById('connection').textContent === 'live'");
    }

    @LongProof("eight pages in turns")
    @Test
    void ofEightTabsTheOneThatIsSeenShowsWhatThereIsAndAllItsRequestsAreAnswered() throws Exception {
        takeModel("fraud");
        intake.take(topic.published("fraud", 10_000));
        picture.caughtUp();
        open("#fraud");
        see("document.querySelectorAll('.u-over').length === 2");
        for (int number = 2; number <= 8; number++) {
            Browser tab = browser.tab();
            otherTabs.add(tab);
            tab.open("http://127.0.0.1:" + server.port() + "/?" + number + "#fraud");
            tab.see("document.querySelector('h1')?.textContent === 'fraud'");
        }
        seeOneStream();
        see("document.visibilityState === 'hidden'");
        intake.take(topic.progress(Topic.report("fraud", 21_000).build()));
        intake.take(topic.published("fraud", 20_000));
        picture.news();
        assertThat(browser.evaluate("document.querySelector('.tile .value').textContent").asText()).isEqualTo("20,000");

        browser.call("Page.bringToFront");
        see("document.querySelector('.tile .value').textContent === '21,000'");
        see("document.querySelectorAll('.versions tbody tr').length === 2");
        tabTo("document.activeElement.className === 'chart'");
        browser.press("ArrowLeft", ARROW_LEFT);
        see("document.querySelector('.picked').textContent.includes('version 21,000')");
        browser.press("ArrowLeft", ARROW_LEFT); // each point is there once
        see("document.querySelector('.picked').textContent.includes('version 20,000')");
        browser.press("Home", HOME);
        see("document.querySelector('.picked').textContent.includes('version 1,000')");
        long answered =
                browser.evaluate("Promise.all(Array.from({ length: 12 }, () => fetch('decisions', { method: 'POST',"
                        + " body: '{}' }).then(() => 1))).then(all => all.length)").asLong();
        assertThat(answered).isEqualTo(12);
    }

    private String inner(String selector) {
        return browser.evaluate("document.querySelector(\"%s\").innerText".formatted(selector)).asText();
    }

    /// @param label of a table
    private List<String> row(String label, int row) {
        List<String> cells = new ArrayList<>();
        browser.evaluate("[...document.querySelector('[data-key=\"%s\"] table').rows[%d].cells].map(c => c.innerText)"
                .formatted(label, row)).forEach(cell -> cells.add(cell.asText()));
        return cells;
    }

    @Test
    void thePulseTellsHowOldIsWhatIsServedAndWhatOfTheEventsThatCameIsNotLearned() {
        intake.take(topic.registered("fraud"));
        intake.take(topic.progress(Topic.report("fraud", 9_200).setPending(30).setDeadLetters(11).build()));
        intake.take(topic.published("fraud", 9_000));
        intake.take(topic.status(serving(9_000, "")));
        open("#fraud");
        see("document.querySelector('.tile .note')?.textContent === '9,241 came, 30 wait, 11 dead letters'");
        long days = Math.round((System.currentTimeMillis() - Topic.NOW) / 86_400_000.0);
        see("document.querySelector('.tile:nth-child(5) .note').textContent ==="
                + " '1 scorer, 200 updates behind, published %d d ago'".formatted(days));
    }

    @Test
    void theVersionsThatAnEpochGoesOnFromAreShownBackToTheFirst() {
        takeModel("fraud");
        open("#fraud");
        see("document.querySelector('.versions h2') !== null");
        assertThat(browser.evaluate("document.querySelector('.lineage') === null").asBoolean()).isTrue();

        intake.take(topic.rolledBack("fraud", 5_000, 9_000));
        picture.news();
        see("document.querySelector('.lineage')?.textContent ==="
                + " 'epoch 3 ← epoch 2 at version 9,000 ← epoch 1 at version 5,000'");
    }

    @Test
    void whatWasServedStandsBesideWhatWasLearnedAndBelowItByVersions() {
        takeModel("fraud");
        AsServed old =
                AsServed.newBuilder(Topic.served()).setToVersion(500).setPredictions(400).setLogLoss(0.5).build();
        intake.take(topic.progress(Topic.report("fraud", 21_000)
                .setWindow(Map.of("log_loss", 0.4, "auc", 0.78, "labels", 2_000.0, "accuracy", 0.8, "mean_label", 0.22,
                        "mean_prediction", 0.23, "calibration_error", 0.01))
                .setAsServed(List.of(Topic.served())).setAsServedVersions(List.of(old)).build()));
        open("#fraud");
        see("document.querySelectorAll('.served table').length === 2");
        assertThat(row("As served", 0)).containsExactly("measured", "predictions", "loss", "AUC", "mean prediction",
                "mean label", "calibration error");
        assertThat(row("As served", 1)).containsExactly("as served, live, epoch 1", "900", "0.4300", "0.7500", "0.2000",
                "0.2100", "0.0200");
        assertThat(row("As served", 2)).containsExactly("at learn time, since the beginning", "21,000", "0.4100",
                "0.7700", "–", "–", "–");
        assertThat(row("As served", 3)).containsExactly("at learn time, newest labels", "2,000", "0.4000", "0.7800",
                "0.2300", "0.2200", "0.0100");
        assertThat(row("As served, by versions", 1)).containsExactly("1 to 500", "live, epoch 1", "400", "0.5000",
                "0.7500", "0.2000", "0.2100", "0.0200");
    }

    /// How many pixels of the charts have a colour of the page, such as `--bad`.
    private int pixels(String colour) {
        return browser.evaluate("""
                [...document.querySelectorAll('.u-wrap canvas')].map(canvas => {
                  const hex = getComputedStyle(document.documentElement).getPropertyValue('%s').trim();
                  const rgb = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
                  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                  let found = 0;
                  for (let at = 0; at < data.length; at += 4) {
                    if (rgb.every((each, i) => data[at + i] === each)) found++;
                  }
                  return found;
                }).reduce((least, each) => Math.min(least, each))""".formatted(colour)).asInt();
    }

    @Test
    void theLinearModelHasALineOnBothCharts() {
        takeModel("fraud");
        open("#fraud");
        see("document.querySelectorAll('.u-wrap canvas').length === 2");
        see("[...document.querySelectorAll('.u-legend')].every(each => each.innerText.includes('linear model'))");
        see("[...document.querySelectorAll('.u-legend')].at(-1).innerText.includes('0.7400')");
        assertThat(pixels("--linear")).isPositive();
        assertThat(inner(".measures")).contains("AUC of the linear model\n0.7400");
    }

    /// Where its dots lie in the square of the line that is perfect: from the left, from below, and how wide they are.
    private List<double[]> dots() {
        List<double[]> dots = new ArrayList<>();
        browser.evaluate("""
                (() => {
                  const square = document.querySelector('.calibration .perfect').getBoundingClientRect();
                  return [...document.querySelectorAll('.calibration circle')].map(each => {
                    const { left, top, width, height } = each.getBoundingClientRect();
                    return [(left + width / 2 - square.left) / square.width,
                      (square.bottom - top - height / 2) / square.height, width / square.width];
                  });
                })()""").forEach(
                dot -> dots.add(new double[]{dot.get(0).asDouble(), dot.get(1).asDouble(), dot.get(2).asDouble()}));
        return dots;
    }

    @Test
    void theReliabilityCurveHasADotForEachTenthAndTellsTheSameInWordsAndInATable() {
        String details = "document.querySelector('.calibration details')";
        takeModel("fraud");
        open("#fraud");
        see("document.querySelector('.calibration .unknown')?.innerText.includes('does not tell labels by tenth')");
        assertThat(browser.evaluate("document.querySelectorAll('.calibration .bar').length").asInt()).isEqualTo(10);
        assertThat(browser.evaluate("document.querySelector('.calibration svg') === null").asBoolean()).isTrue();

        intake.take(topic.progress(Topic.report("fraud", 21_000).setWindow(Topic.calibrated()).build()));
        see("document.querySelectorAll('.calibration circle').length === 9");
        List<double[]> dots = dots();
        for (int tenth = 0; tenth < 9; tenth++) {
            assertThat(dots.get(tenth)[0]).isCloseTo(0.1 * tenth + 0.04, within(0.005));
            assertThat(dots.get(tenth)[1]).isCloseTo(0.08 * tenth + 0.1, within(0.005));
            assertThat(dots.get(tenth)[2]).isLessThan(tenth == 0 ? 0.2 : dots.get(tenth - 1)[2]);
        }
        assertThat(browser.evaluate("document.querySelector('.calibration svg').getAttribute('aria-label')").asText())
                .startsWith("Reliability curve by tenths. predicted 0.040, came 0.100, 50.0 % of predictions; ")
                .endsWith("; predicted 0.840, came 0.740, 1.0 % of predictions.");

        browser.evaluate(details + ".querySelector('summary').focus(); true");
        browser.press("Enter", ENTER);
        see(details + ".open");
        assertThat(row("Tenths", 0)).containsExactly("probability", "share", "mean prediction", "mean label",
                "difference");
        assertThat(row("Tenths", 2)).containsExactly("0.1 to 0.2", "15.0 %", "0.1400", "0.1800", "-0.0400");
        assertThat(row("Tenths", 10)).containsExactly("0.9 to 1.0", "0.0 %", "–", "–", "–");
        Map<String, Double> later = Topic.calibrated();
        later.put("mean_label_tenth_1", 0.25);
        intake.take(topic.progress(Topic.report("fraud", 22_000).setWindow(later).build()));
        see(details + ".querySelectorAll('tr')[2].innerText.includes('0.2500')");
        assertThat(browser.evaluate(details + ".open && document.activeElement.tagName === 'SUMMARY'").asBoolean())
                .isTrue();
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void whatTheGateDidAlarmsAndDecisionsAreMarkedOnTheChartsAndToldInWords() {
        takeModel("fraud");
        open("#fraud");
        see("document.querySelectorAll('.u-wrap canvas').length === 2");
        assertThat(pixels("--bad") + pixels("--good") + pixels("--warn")).isZero();
        assertThat(inner(".marks")).isEmpty();

        intake.take(topic.progress(Topic.report("fraud", 21_000)
                .setAlarms(List.of(new ChangeAlarm("error", "", 9L, 0.0, 0.1, 0.5, "error"))).build()));
        intake.take(topic.decision(new ControlRecord("fraud", new ControlAction.Hold(1, 5_000, 4_000, 5_009, 5_000),
                Topic.NOW + 5_000, "gate", "")));
        intake.take(topic.decision(
                new ControlRecord("fraud", new ControlAction.Publish(1, 9_000, 9_009), Topic.NOW + 9_000, "gate", "")));
        intake.take(topic.decision(new ControlRecord("fraud", new ControlAction.Pause(), Topic.NOW + 12_000, "", "")));
        picture.news();
        see("document.querySelectorAll('.marks li').length === 4");
        assertThat(inner(".marks")).matches("(?s)alarm 20[\\d: -]+.*pause 20.*passes 20.*held 20.*");
        for (String colour : List.of("--bad", "--good", "--warn")) { // a dashed line, 180 pixels high
            assertThat(pixels(colour)).as(colour).isGreaterThan(60);
        }

        browser.evaluate("document.querySelector('[data-x=events]').click()");
        see("document.querySelector('.marks').innerText.replace(/\\s+/g, ' ') ==="
                + " 'alarm 21,000 events pause 12,000 events passes 9,000 events held 5,000 events'");
        assertThat(pixels("--bad")).isGreaterThan(60);
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void ofClassesThePageTellsHowManyWereRightOnceAndWithWhatConfidence() {
        Map<String, Double> window = Map.of("log_loss", 0.4, "labels", 2_000.0, "accuracy", 0.9, "mean_label", 0.9,
                "mean_prediction", 0.87, "macro_f1", 0.8);
        Slice slice = Slice.newBuilder().setField("country").setValue("DE").setLabels(9).setMissed(0)
                .setAll(Map.of("log_loss", 0.5)).setRecent(window).build();
        intake.take(topic.registered("digits"));
        intake.take(topic.progress(
                Topic.report("digits", 9_000).setAuc(null).setWindow(window).setSlices(List.of(slice)).build()));
        takeModel("fraud");
        open("#digits");
        see("document.querySelector('#panel-quality') !== null");
        String measures = "section[aria-labelledby=panel-quality] .measures";
        assertThat(inner(measures)).contains("confidence\n0.8700", "right\n0.9000").doesNotContain("accuracy",
                "mean label");
        assertThat(row("Slices by country", 0)).contains("confidence", "right").doesNotContain("accuracy",
                "mean prediction");

        intake.take(topic.progress(Topic.report("fraud", 21_000).setWindow(
                Map.of("log_loss", 0.4, "accuracy", 0.8, "auc", 0.78, "mean_label", 0.2, "mean_prediction", 0.21))
                .build()));
        open("#fraud");
        see("document.querySelector('h1').textContent === 'fraud'");
        assertThat(inner(measures)).contains("mean label\n0.2000", "accuracy\n0.8000").doesNotContain("confidence");
        see("[...document.querySelectorAll('.u-legend')].at(-1).innerText.includes('chance')"
                + " && [...document.querySelectorAll('.u-legend')].at(-1).innerText.includes('0.5000')");
    }

    @Test
    void latencyIsThatOfTheNewestEventOfEachVersionAndOfEachScorer() {
        intake.take(topic.registered("fraud"));
        for (int version = 1; version <= 10; version++) { // 2 to 11 s on the log before they are published
            intake.take(topic.published("fraud", 1_000 * version, Topic.NOW - 12_000 + 1_000 * version));
        }
        intake.take(topic.status(serving(10_000, ""), Topic.NOW + 3_000));
        open("#fraud");
        see("document.querySelector('[data-key=Latency]') !== null");
        assertThat(row("Latency", 1)).containsExactly("from the log to published", "7.0 s", "11 s", "2.0 s",
                "10 versions");
        assertThat(row("Latency", 2)).containsExactly("from published to served", "3.0 s", "3.0 s", "3.0 s",
                "1 scorer");
        assertThat(row("Latency", 3)).containsExactly("from the log to served", "5.0 s", "5.0 s", "5.0 s", "1 scorer");
        assertThat(inner(".latency")).contains("published stands for it");
    }

    private String tried(int row) {
        return browser.evaluate("document.querySelectorAll('.tried tbody tr')[%d].cells[3].innerText".formatted(row))
                .asText();
    }

    @Test
    @LongProof("two models must learn enough to be compared")
    void whichOfTwoModelsIsBetterIsToldBesideThePairAndUntilThenThatNobodyCanTell() {
        String svg = "<svg onload=\"window.hacked=1\"></svg>";
        takeModel("fraud");
        intake.take(topic.decision(new ControlRecord("fraud", new ControlAction.Shadow("wide", 1), Topic.NOW, "", "")));
        intake.take(topic.decision(new ControlRecord("fraud", new ControlAction.Shadow("deep", 1), Topic.NOW, "", "")));
        picture.caughtUp();
        open("#fraud");
        see("document.querySelectorAll('.tried tbody tr').length === 2");
        assertThat(tried(0)).isEqualTo("can't tell yet nobody has compared them with --tell");
        assertThat(browser.evaluate("document.querySelector('.tried p code').innerText").asText())
                .isEqualTo("./tidegrad models compare --model wide --for fraud --tell");

        intake.take(topic.told(Topic.pair("fraud", "wide", "", svg).build()));
        intake.take(topic.told(Topic.pair("fraud", "deep", "deep", "difference +0.01").build()));
        see("document.querySelector('.tried strong')?.innerText === 'deep is better'");
        assertThat(tried(0)).startsWith("can't tell yet " + svg + " · ")
                .endsWith(", offsets 7 to 20,006, on machine-8");
        assertThat(tried(1)).startsWith("deep is better difference +0.01 · ");
        assertThat(browser.evaluate("String(window.hacked)").asText()).isEqualTo("undefined");
        assertThat(browser.complaints()).isEmpty();
    }

    private List<String> fieldRow(int row) {
        List<String> cells = new ArrayList<>();
        browser.evaluate(
                "[...document.querySelector('.fields table').tBodies[0].rows[%d].cells].map(cell =>".formatted(row)
                        + " cell.innerText.replace(/\\s+/g, ' ').trim())")
                .forEach(cell -> cells.add(cell.asText()));
        return cells;
    }

    @Test
    void eachWatchedFieldIsShownBesideWhatItWasAlarmOrNone() {
        takeModel("fraud");
        open("#fraud");
        see("document.querySelector('.fields .unknown')?.innerText.includes('this trainer does not tell of fields')");

        intake.take(topic.progress(Topic.report("fraud", 21_000).setFields(Topic.fields("amount")).build()));
        see("document.querySelectorAll('.fields tbody tr').length === 2");

        assertThat(fieldRow(0)).containsExactly("amount", "missing for 900 events",
                "34.00 % alarm was 0.00 % to 1.00 %", "0.20 % nothing before yet", "0.0400 was 0.0100 to 0.0500",
                "4.5000 was 4.2500", "0.6100", "0.1250");
        assertThat(fieldRow(1)).containsExactly("country", "as ever", "0.00 % was 0.00 %",
                "1.00 % was 0.00 % to 2.00 %", "–", "–", "–", "0.0313");
        assertThat(browser.evaluate("document.querySelector('.fields .held').innerText").asText())
                .isEqualTo("amount is not what it has been.");
        assertThat(browser.evaluate("[...document.querySelectorAll('.fields .meter span')].map(each =>"
                + " each.getBoundingClientRect().width / each.parentElement.getBoundingClientRect().width).join()")
                .asText()).isEqualTo("1,0.25");

        intake.take(
                topic.progress(Topic.report("fraud", 22_000).setFields(Topic.fields("amount").subList(1, 2)).build()));
        see("document.querySelector('.fields .calm')?.innerText === 'The field is as it has been.'");
        assertThat(browser.complaints()).isEmpty();
    }

    private String health(String of) {
        return browser.evaluate("document.querySelector('.health %s').innerText".formatted(of)).asText();
    }

    private List<String> healthRow(int table, int row) {
        List<String> cells = new ArrayList<>();
        browser.evaluate(
                "[...[...document.querySelectorAll('.health table')][%d].tBodies[0].rows[%d].cells].map(cell =>"
                        .formatted(table, row) + " cell.innerText.replace(/\\s+/g, ' ').trim())")
                .forEach(cell -> cells.add(cell.asText()));
        return cells;
    }

    @Test
    void theLearnersHealthIsToldInNumbersAndWordsAndPlainlyWhereATrainerDoesNotTellIt() {
        takeModel("fraud");
        open("#fraud");
        see("document.querySelector('.health .unknown')?.innerText.includes('this trainer does not tell it')");

        intake.take(topic
                .progress(Topic.report("fraud", 21_000).setLearner(Topic.learner("1.0.weight", "steady", 3)).build()));
        see("document.querySelectorAll('.health table').length === 2");
        assertThat(health(".held")).isEqualTo(
                "The largest step, of 1.1.weight, is 0.5000 of its weights: very large. 3 of 64 units are dead.");
        assertThat(healthRow(0, 0)).containsExactly("1.0.weight", "steady", "0.0020 healthy", "0.0010", "0.5000",
                "0.0010", "0.0100", "-1.500 to 2.500", "50,000 read of 100,000", "0");
        assertThat(healthRow(0, 1).get(2)).isEqualTo("2.0000"); // of a bias nothing is said
        assertThat(healthRow(0, 2).get(2)).isEqualTo("0.5000 very large");
        assertThat(healthRow(0, 3).subList(2, 7)).containsExactly("–", "–", "0.0000", "–", "–");
        assertThat(healthRow(1, 0)).containsExactly("layer 1.0.weight", "steady", "64", "3", "4.7 %", "256");
        assertThat(healthRow(1, 1)).containsExactly("layer 1.2 (Relu)", "steady", "8", "–", "–", "0");
        assertThat(health(".shares")).isEqualToIgnoringWhitespace(
                "steady 62.5 % at rate 0.0200 linear 25.0 % at rate 0.0040 stacked 12.5 % of all members, added up in log-odds");
        assertThat(browser.evaluate("document.querySelectorAll('.health .bins')[0].children.length").asInt())
                .isEqualTo(16);
        assertThat(browser.evaluate("document.querySelectorAll('.health .bin')[7].getBoundingClientRect().height")
                .asDouble()).isGreaterThan(20);
        assertThat(
                browser.evaluate("document.querySelectorAll('.health .meter span')[0].getBoundingClientRect().width /"
                        + " document.querySelectorAll('.health .meter')[0].getBoundingClientRect().width").asDouble())
                .isCloseTo(0.625, within(0.01));

        intake.take(topic
                .progress(Topic.report("fraud", 22_000).setLearner(Topic.learner("1.0.weight", "steady", 40)).build()));
        see("document.querySelector('.health .held')?.innerText ==="
                + " '40 of 64 units of layer 1.0.weight are dead: they learn nothing any more.'");
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aTopicThatMayNotBeReadIsNamedAndItsPanelDoesNotSayThatAllIsWell() {
        String right = "expected the right READ on topic tidegrad.dead-letters, found that ACLs deny it";
        takeModel("fraud");
        open("#fraud");
        see("document.querySelector('.letters .calm') !== null");

        picture.denied(Map.of("tidegrad.dead-letters", right));
        see("document.querySelector('#problems').innerText.includes('" + right + "')");
        see("document.querySelector('.letters .unknown').innerText.includes('may not read tidegrad.dead-letters')");
        see("document.getElementById('connection').textContent === 'live, but not all topics can be read'");

        picture.denied(Map.of());
        see("document.querySelector('#problems').innerText === ''");
        see("document.querySelector('.letters .calm') !== null");
    }

    @Test
    void thePageSaysHowManyModelsAreLeftOut() {
        for (int i = 0; i < Picture.MODELS_MAX + 12; i++) {
            intake.take(topic.registered("model-" + i));
        }
        open("");
        see("document.querySelector('#problems').innerText.startsWith('12 models are left out')");
        see("document.getElementById('count').textContent === '1,000 models, 12 left out'");
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

    /// A model of which there is something in each panel.
    private void takeEverything() {
        takeModel("fraud");
        takeModel("wide");
        intake.take(topic.progress(Topic.report("fraud", 21_000).setStateHash(Topic.HASH)
                .setAlarms(List.of(new ChangeAlarm("missing", "amount", 9L, 0.0, 0.1, 0.5, "amount is missing")))
                .setSlices(List.of(Slice.newBuilder().setField("country").setValue("DE").setLabels(9).setMissed(0)
                        .setAll(Map.of("log_loss", 0.5)).setRecent(Map.of("log_loss", 0.4, "labels", 8.0)).build()))
                .setLabelArrival(Map.of("delay_p50", 90.0, "labelled", 0.8)).setAsServed(List.of(Topic.served()))
                .setLearner(Topic.learner("1.0.weight", "steady", 3)).setFields(Topic.fields("amount"))
                .setWindow(Topic.calibrated()).build()));
        intake.take(topic.published("fraud", 10_000));
        intake.take(topic.published("fraud", 20_000));
        intake.take(topic.status(serving(10_000, "no golden row")));
        intake.take(topic.status(running(RunStatus.Role.JOINER, "fraud", RunStatus.State.RUNNING, ""), Topic.NOW));
        intake.take(topic.status(running(RunStatus.Role.TRAINER, "fraud", RunStatus.State.RETRYING, "no broker"),
                System.currentTimeMillis() - 50_000));
        intake.take(topic.told(Topic.verdict("fraud", "first seen in the snapshot 1.20000").build()));
        intake.take(topic.told(Topic.verdict("fraud", "").setCommand("replay").setEpoch(null).setEqual(null).build()));
        intake.take(topic.compared("fraud", "wide"));
        intake.take(topic.decision(new ControlRecord("fraud", new ControlAction.Shadow("wide", 1), Topic.NOW, "", "")));
        intake.take(topic.deadLetter("fraud", "null-value", "id 9", "{}".getBytes(StandardCharsets.UTF_8)));
        intake.take(topic.trainer("fraud", new TrainerStatus(1, Topic.NOW, TrainerStatus.RETRYING, 75, 1_000, 2, 0.6,
                List.of(new TrainerStatus.Reason("retrying", "no broker", Topic.NOW)), List.of())));
        picture.logsEnd(Map.of("events", 25_009L), Topic.NOW);
        picture.denied(Map.of("tidegrad.control", "expected the right READ on topic tidegrad.control"));
        picture.caughtUp();
    }

    @Test
    @LongProof("axe reads every view twice")
    void peopleWhoSeeOrMoveOtherwiseMeetNoBarrierThatAxeKnows() throws Exception {
        takeEverything();
        List<String> barriers = new ArrayList<>();
        for (boolean dark : List.of(false, true)) {
            for (int width : List.of(1_400, 360)) {
                String state = (dark ? "dark " : "light ") + width;
                browser.prefersDark(dark);
                browser.size(width, 900);
                open("?" + width + dark + "#fraud");
                see("location.search === '?" + width + dark
                        + "' && document.querySelectorAll('.u-wrap canvas').length === 2");
                see("document.querySelector('.letter') !== null");
                browser.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })");
                barriers.addAll(browser.barriers(state));
                browser.screenshot("console-" + state.replace(' ', '-'));
                browser.evaluate("document.querySelector('.title button').click()");
                see("document.querySelector('dialog[open]') !== null");
                barriers.addAll(browser.barriers(state + " dialog"));
                browser.press("Escape", ESCAPE);
                browser.evaluate("document.getElementById('menu').click()");
                browser.evaluate("document.getElementById('token-form').hidden = false");
                barriers.addAll(browser.barriers(state + " list and token"));
            }
        }
        assertThat(barriers).isEmpty();
        assertThat(browser.complaints()).isEmpty();
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

        picture = new Picture(List.of());
        intake = new RecordIntake(Topics.DEFAULT, registry, picture);
        takeModel("fraud");
        intake.take(topic.progress(Topic.report("fraud", 54_321).build()));
        picture.caughtUp();
        server = ConsoleServer.start(ConsoleServerTest.config(new ServerSecurity(null, null), port), picture, null,
                null);
        see("document.getElementById('connection').textContent === 'live'");
        see("document.querySelector('.tile .value').textContent === '54,321'");
    }
}
