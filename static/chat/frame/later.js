/** The English of what is not on the page at first: imported by each part of that kind. */
import en from "../lazy/en.js";
import { learn } from "./words.js";

learn(en);
