/** The rules of eslint for the scripts of the pages. Their types are checked by tsconfig.json. */
import js from '@eslint/js';
import globals from 'globals';

export default [
  js.configs.recommended,
  {
    files: ['static/js/**/*.js'],
    languageOptions: { ecmaVersion: 2024, sourceType: 'module', globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'array-callback-return': 'error',
      curly: ['error', 'multi-line'],
      'default-case-last': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', 60],
      'no-alert': 'error',
      'no-constructor-return': 'error',
      'no-else-return': 'error',
      'no-eval': 'error',
      'no-implicit-coercion': ['error', { boolean: true, number: true, string: true }],
      'no-implicit-globals': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-param-reassign': 'error',
      'no-promise-executor-return': 'error',
      // A room imports from itself, from lib, and from the rooms that several pages share.
      'no-restricted-imports': ['error', { patterns: [{ regex: '^\\.\\./(?!(?:lib|photo|upload)/)' }] }],
      'no-return-assign': 'error',
      'no-self-compare': 'error',
      'no-sequences': 'error',
      'no-shadow': 'error',
      'no-template-curly-in-string': 'error',
      'no-throw-literal': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-unused-expressions': ['error', { allowShortCircuit: true }],
      'no-unused-vars': ['error', { args: 'all', argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
      'no-useless-return': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
      'prefer-template': 'error',
      radix: 'error',
    },
  },
  { files: ['static/js/lib/*.js'], rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: '^\\.\\./' }] }] } },
  { files: ['static/js/*/*/*.js'], rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: '^\\.\\./(?!\\.\\./lib/)' }] }] } },
  // A room inside lib, for a part that several pages share, imports from itself and from lib.
  { files: ['static/js/lib/*/*.js'], rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: '^\\.\\./\\.\\./' }] }] } },
  { files: ['static/js/head/theme.js', 'static/js/offline/worker.js'], languageOptions: { sourceType: 'script' } },
];
