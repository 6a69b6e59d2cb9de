package io.tidegrad.engine.kernel;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaFieldAccess;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.domain.properties.HasOwner;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/// What would let the weights depend on the machine is not called anywhere in the engine, generated classes included.
class LearningPathTest {
    private static final DescribedPredicate<HasOwner<JavaClass>> VECTOR_OPERATOR =
            HasOwner.Predicates.With.owner(HasName.Predicates.name("jdk.incubator.vector.VectorOperators"));

    private static final DescribedPredicate<HasName> TRANSCENDENTAL = HasName.Predicates
            .nameMatching("(?i)exp|expm1|log|log10|log1p|pow|cbrt|hypot|sinh?|cosh?|tanh?|asin|acos|atan2?");

    private static final JavaClasses ENGINE = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages("io.tidegrad.engine");

    @Test
    void theGeneratedKernelsAreLookedAt() {
        for (String name : new String[]{"Simd128", "Simd256", "Simd512"}) {
            assertThat(ENGINE.contain("io.tidegrad.engine.kernel." + name)).isTrue();
        }
    }

    @Test
    void noTranscendentalFunctionOfTheJdkIsCalled() {
        noClasses().should()
                .callMethodWhere(JavaCall.Predicates
                        .target(HasOwner.Predicates.With.owner(HasName.Predicates.name("java.lang.Math")))
                        .and(JavaCall.Predicates.target(TRANSCENDENTAL)))
                .because("its last bits may differ by machine and compiler tier: use ScalarMath").check(ENGINE);
    }

    @Test
    void noLanesAreReducedByTheVectorApi() {
        noClasses().should()
                .callMethodWhere(JavaCall.Predicates.target(HasName.Predicates.nameMatching("reduceLanes(ToLong)?")))
                .because("the order of its additions is open: cold and compiled code differ").check(ENGINE);
    }

    @Test
    void noTranscendentalOperatorOfTheVectorApiIsUsed() {
        noClasses().should()
                .accessFieldWhere(JavaFieldAccess.Predicates.target(VECTOR_OPERATOR)
                        .and(JavaFieldAccess.Predicates.target(TRANSCENDENTAL)))
                .because("its results differ by vector width").check(ENGINE);
    }

    @Test
    void onlyTheKernelsKnowTheVectorApi() {
        noClasses().that().resideOutsideOfPackage("io.tidegrad.engine.kernel").should().dependOnClassesThat()
                .resideInAPackage("jdk.incubator.vector..").check(ENGINE);
    }
}
