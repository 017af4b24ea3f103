export { type ProgressBarOptions, progressBar } from './progress-bar.js';
