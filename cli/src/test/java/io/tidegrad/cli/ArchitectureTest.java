package io.tidegrad.cli;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/// Which module may know which: the table of ARCHITECTURE.md, held by the build. (The engine's own module-info holds
/// its outer rules, and a test of its own the arrows inside.)
@AnalyzeClasses(packages = "io.tidegrad",
        importOptions = {ImportOption.DoNotIncludeTests.class, ArchitectureTest.DoNotIncludeTestJars.class})
class ArchitectureTest {
    /// Other modules' test classes, which lie in jars once these are packaged.
    static final class DoNotIncludeTestJars implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    @ArchTest
    static final ArchRule the_engine_knows_nothing_but_java_and_the_vector_api =
            classes().that().resideInAPackage("io.tidegrad.engine..").should().onlyDependOnClassesThat()
                    .resideInAnyPackage("io.tidegrad.engine..", "java.lang..", "java.util..", "java.io..", "java.nio..",
                            "java.security..", "jdk.incubator.vector..", "org.jspecify.annotations..");

    @ArchTest
    static final ArchRule the_engine_opens_no_files = noClasses().that().resideInAPackage("io.tidegrad.engine..")
            .should().dependOnClassesThat().resideInAnyPackage("java.nio.file..", "java.nio.channels..", "java.net..");

    @ArchTest
    static final ArchRule the_vector_api_stays_in_the_kernels =
            noClasses().that().resideOutsideOfPackage("io.tidegrad.engine.kernel..").should().dependOnClassesThat()
                    .resideInAPackage("jdk.incubator.vector..");

    @ArchTest
    static final ArchRule schemas_know_avro_and_kafka_clients_only =
            noClasses().that().resideInAPackage("io.tidegrad.schemas..").should().dependOnClassesThat()
                    .resideInAnyPackage("io.tidegrad.engine..", "io.tidegrad.model..", "io.tidegrad.control..",
                            "io.tidegrad.ops..", "io.tidegrad.trainer..", "io.tidegrad.scorer..",
                            "io.tidegrad.localstack..", "io.tidegrad.cli..", "org.apache.kafka.streams..");

    @ArchTest
    static final ArchRule the_model_knows_schemas_and_engine_only =
            noClasses().that().resideInAPackage("io.tidegrad.model..").should().dependOnClassesThat()
                    .resideInAnyPackage("io.tidegrad.control..", "io.tidegrad.ops..", "io.tidegrad.trainer..",
                            "io.tidegrad.scorer..", "io.tidegrad.scorerapp..", "io.tidegrad.localstack..",
                            "io.tidegrad.cli..", "org.apache.kafka.streams..");

    @ArchTest
    static final ArchRule decisions_know_schemas_engine_and_model_only =
            noClasses().that().resideInAPackage("io.tidegrad.control..").should().dependOnClassesThat(
                    resideInAPackage("io.tidegrad..").and(resideOutsideOfPackages("io.tidegrad.control..",
                            "io.tidegrad.model..", "io.tidegrad.engine..", "io.tidegrad.schemas..")));

    @ArchTest
    static final ArchRule what_streams_processes_share_knows_neither_of_them =
            noClasses().that().resideInAPackage("io.tidegrad.process..").should()
                    .dependOnClassesThat(resideInAPackage("io.tidegrad..")
                            .and(resideOutsideOfPackages("io.tidegrad.process..", "io.tidegrad.control..",
                                    "io.tidegrad.model..", "io.tidegrad.schemas..", "io.tidegrad.ops..")));

    @ArchTest
    static final ArchRule the_console_meets_all_others_in_topics_only =
            noClasses().that().resideInAPackage("io.tidegrad.console..").should()
                    .dependOnClassesThat(resideInAPackage("io.tidegrad..").and(resideOutsideOfPackages(
                            "io.tidegrad.console..", "io.tidegrad.process..", "io.tidegrad.control..",
                            "io.tidegrad.model..", "io.tidegrad.schemas..", "io.tidegrad.ops..")));

    @ArchTest
    static final ArchRule only_the_command_line_knows_the_console =
            noClasses().that(resideOutsideOfPackages("io.tidegrad.console..", "io.tidegrad.cli..")).should()
                    .dependOnClassesThat().resideInAPackage("io.tidegrad.console..");

    @ArchTest
    static final ArchRule trainer_and_scorer_meet_in_topics_only = noClasses().that()
            .resideInAPackage("io.tidegrad.trainer..").should().dependOnClassesThat().resideInAnyPackage(
                    "io.tidegrad.replay..", "io.tidegrad.scorer..", "io.tidegrad.scorerapp..", "io.tidegrad.cli..");

    @ArchTest
    static final ArchRule the_joiner_meets_trainer_and_scorer_in_topics_only =
            noClasses().that().resideInAPackage("io.tidegrad.joiner..").should().dependOnClassesThat()
                    .resideInAnyPackage("io.tidegrad.trainer..", "io.tidegrad.replay..", "io.tidegrad.scorer..",
                            "io.tidegrad.scorerapp..", "io.tidegrad.localstack..", "io.tidegrad.cli..");

    @ArchTest
    static final ArchRule only_the_command_line_and_the_load_tests_know_the_joiner = noClasses()
            .that(resideOutsideOfPackages("io.tidegrad.joiner..", "io.tidegrad.cli..", "io.tidegrad.loadtests.."))
            .should().dependOnClassesThat().resideInAPackage("io.tidegrad.joiner..");

    /// So that what is joined is a function of the records.
    @ArchTest
    static final ArchRule the_join_knows_neither_kafka_nor_a_clock =
            noClasses().that().resideInAPackage("io.tidegrad.joiner.join..").should().dependOnClassesThat()
                    .resideInAPackage("org.apache.kafka..").orShould().accessTargetWhere(asksTheMachineForTheTime());

    @ArchTest
    static final ArchRule replay_knows_the_trainer_and_no_scorer = noClasses().that()
            .resideInAPackage("io.tidegrad.replay..").should().dependOnClassesThat().resideInAnyPackage(
                    "io.tidegrad.scorer..", "io.tidegrad.scorerapp..", "io.tidegrad.localstack..", "io.tidegrad.cli..");

    @ArchTest
    static final ArchRule the_embeddable_scorer_has_no_server_and_no_streams =
            noClasses().that().resideInAPackage("io.tidegrad.scorer..").should().dependOnClassesThat()
                    .resideInAnyPackage("io.tidegrad.ops..", "io.helidon..", "io.tidegrad.trainer..",
                            "io.tidegrad.replay..", "io.tidegrad.scorerapp..", "io.tidegrad.localstack..",
                            "io.tidegrad.cli..", "org.apache.kafka.streams..");

    @ArchTest
    static final ArchRule the_scorer_app_does_not_know_the_trainer = noClasses().that()
            .resideInAPackage("io.tidegrad.scorerapp..").should().dependOnClassesThat().resideInAnyPackage(
                    "io.tidegrad.trainer..", "io.tidegrad.replay..", "io.tidegrad.cli..", "org.apache.kafka.streams..");

    @ArchTest
    static final ArchRule the_local_stack_knows_none_of_ours =
            noClasses().that().resideInAPackage("io.tidegrad.localstack..").should().dependOnClassesThat(
                    resideInAPackage("io.tidegrad..").and(resideOutsideOfPackage("io.tidegrad.localstack..")));

    @ArchTest
    static final ArchRule what_the_processes_share_knows_schemas_only = noClasses().that()
            .resideInAPackage("io.tidegrad.ops..").should().dependOnClassesThat(resideInAPackage("io.tidegrad..")
                    .and(resideOutsideOfPackages("io.tidegrad.ops..", "io.tidegrad.schemas..")));

    @ArchTest
    static final ArchRule the_load_tests_know_all_but_the_command_line =
            noClasses().that().resideInAPackage("io.tidegrad.loadtests..").should().dependOnClassesThat()
                    .resideInAPackage("io.tidegrad.cli..");

    @ArchTest
    static final ArchRule nothing_but_the_command_line_knows_the_load_tests =
            noClasses().that(resideOutsideOfPackages("io.tidegrad.cli..", "io.tidegrad.loadtests..")).should()
                    .dependOnClassesThat().resideInAPackage("io.tidegrad.loadtests..");

    @ArchTest
    static final ArchRule nothing_of_the_product_knows_how_it_is_broken_in_tests =
            noClasses().that(resideOutsideOfPackage("io.tidegrad.proof..")).should().dependOnClassesThat()
                    .resideInAPackage("io.tidegrad.proof..");

    @ArchTest
    static final ArchRule only_the_command_line_knows_onnx =
            noClasses().that(resideOutsideOfPackages("io.tidegrad.cli..", "io.tidegrad.exchange..")).should()
                    .dependOnClassesThat().resideInAnyPackage("io.tidegrad.exchange..", "ai.onnx..");

    @ArchTest
    static final ArchRule only_the_exchange_the_scorer_app_and_who_loads_its_port_know_protobuf = noClasses()
            .that(resideOutsideOfPackages("io.tidegrad.exchange..", "io.tidegrad.scorerapp..", "io.tidegrad.loadtests"))
            .should().dependOnClassesThat().resideInAPackage("com.google.protobuf..");

    @ArchTest
    static final ArchRule only_the_scorer_app_and_who_loads_its_port_know_grpc =
            noClasses().that(resideOutsideOfPackages("io.tidegrad.scorerapp..", "io.tidegrad.loadtests")).should()
                    .dependOnClassesThat().resideInAPackage("io.grpc..");

    @ArchTest
    static final ArchRule the_exchange_knows_the_engine_only =
            classes().that().resideInAPackage("io.tidegrad.exchange..").should().onlyDependOnClassesThat()
                    .resideInAnyPackage("io.tidegrad.exchange..", "io.tidegrad.engine..", "ai.onnx..",
                            "com.google.protobuf..", "java..", "org.jspecify.annotations..");

    /// So that a simulated schedule is a function of its seed.
    @ArchTest
    static final ArchRule store_publisher_and_processor_ask_one_class_for_the_time = noClasses().that()
            .resideInAnyPackage("io.tidegrad.trainer.store..", "io.tidegrad.trainer.publish..",
                    "io.tidegrad.trainer.topology..")
            .and().doNotImplement("io.tidegrad.trainer.store.TrainerClock").should()
            .accessTargetWhere(asksTheMachineForTheTime());

    private static DescribedPredicate<JavaAccess<?>> asksTheMachineForTheTime() {
        return DescribedPredicate.describe("the target asks the machine for the time", access -> {
            String owner = access.getTargetOwner().getName();
            String name = access.getName();
            return owner.equals("java.lang.System") && (name.equals("nanoTime") || name.equals("currentTimeMillis"))
                    || owner.startsWith("java.time.") && (name.equals("now") || name.startsWith("system"))
                    || owner.equals("java.util.Date") && name.equals("<init>");
        });
    }

    @ArchTest
    static final ArchRule kafka_streams_internals_are_used_in_one_class_of_each_process =
            noClasses().that().doNotHaveFullyQualifiedName("io.tidegrad.trainer.store.StreamsInternals").and()
                    .doNotHaveFullyQualifiedName("io.tidegrad.joiner.topology.CommitHook").should()
                    .dependOnClassesThat().resideInAnyPackage("org.apache.kafka.streams.processor.internals..",
                            "org.apache.kafka.streams.state.internals..");
}
