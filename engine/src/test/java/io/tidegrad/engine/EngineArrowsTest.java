package io.tidegrad.engine;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;

/// Which package of the engine may know which: kernel ← layer, loss, optim ← model ← snapshot, and optim ← layer
/// (a layer may have an optimizer of its own); nothing points back.
@AnalyzeClasses(packages = "io.tidegrad.engine", importOptions = ImportOption.DoNotIncludeTests.class)
class EngineArrowsTest {
    @ArchTest
    static final ArchRule arrows = layeredArchitecture().consideringOnlyDependenciesInLayers().layer("kernel")
            .definedBy("io.tidegrad.engine.kernel").layer("random").definedBy("io.tidegrad.engine.random")
            .layer("layer").definedBy("io.tidegrad.engine.layer").layer("loss").definedBy("io.tidegrad.engine.loss")
            .layer("optim").definedBy("io.tidegrad.engine.optim").layer("model").definedBy("io.tidegrad.engine.model")
            .layer("snapshot").definedBy("io.tidegrad.engine.snapshot").whereLayer("random")
            .mayOnlyBeAccessedByLayers("layer", "model").whereLayer("layer").mayOnlyBeAccessedByLayers("model")
            .whereLayer("loss").mayOnlyBeAccessedByLayers("model").whereLayer("optim")
            .mayOnlyBeAccessedByLayers("layer", "model").whereLayer("model").mayOnlyBeAccessedByLayers("snapshot")
            .whereLayer("snapshot").mayNotBeAccessedByAnyLayer();

    /// `nanoTime` is for warm-up and the check for FMA hardware only: nothing that reaches a weight knows the time.
    @ArchTest
    static final ArchRule noClock = ArchRuleDefinition.noClasses().that()
            .resideOutsideOfPackage("io.tidegrad.engine.kernel").and().doNotHaveSimpleName("WarmUp").should()
            .callMethod(System.class, "nanoTime").orShould().callMethod(System.class, "currentTimeMillis").orShould()
            .dependOnClassesThat().resideInAPackage("java.time..");

    /// Functions of `Math` whose last bit may differ by machine and by compiler tier.
    @ArchTest
    static final ArchRule noTranscendentals = ArchRuleDefinition.noClasses().should()
            .callMethod(Math.class, "exp", double.class).orShould().callMethod(Math.class, "log", double.class)
            .orShould().callMethod(Math.class, "log1p", double.class).orShould()
            .callMethod(Math.class, "expm1", double.class).orShould()
            .callMethod(Math.class, "pow", double.class, double.class).orShould()
            .callMethod(Math.class, "tanh", double.class).orShould().callMethod(Math.class, "sin", double.class)
            .orShould().callMethod(Math.class, "cos", double.class);
}
