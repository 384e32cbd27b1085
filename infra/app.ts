/** What `cdk` runs (cdk.json). */
import { examplesApp } from "./examples-app.js";

examplesApp().app.synth();
