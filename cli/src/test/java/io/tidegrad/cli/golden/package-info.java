/// The engine against numbers from outside: case files with a spec, inputs and what must come out.
@NullMarked
package io.tidegrad.cli.golden;

import org.jspecify.annotations.NullMarked;
