@NullMarked
package io.tidegrad.cli.example;

import org.jspecify.annotations.NullMarked;
