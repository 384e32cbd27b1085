/** Owns: making what keeps data: tables, buckets, secrets. */
import { CreateTableCommand, UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import type { Parameters } from "../../aws/input/parameters.js";
import { readPolicy } from "../../aws/iam/policy.js";
import { arn, physicalName, propertiesOf, type DeploymentWorld, type Maker } from "../resource.js";

/** What has no counterpart in the model and changes no call: encryption, backups, tags, deletion protection. */
const TABLE_WITHOUT_EFFECT = [
  "PointInTimeRecoverySpecification",
  "DeletionProtectionEnabled",
  "SSESpecification",
  "ContributorInsightsSpecification",
  "Tags",
];

export const makeTable: Maker = async (resource, world) => {
  const properties = propertiesOf(resource, [
    "TableName",
    "KeySchema",
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "TimeToLiveSpecification",
    ...TABLE_WITHOUT_EFFECT,
  ]);
  const name = properties.text("TableName") ?? physicalName(world, resource.logicalId, 255);
  const { KeySchema, AttributeDefinitions, BillingMode, GlobalSecondaryIndexes } = resource.properties;
  // CloudFormation's members are those of the API; the model reads them strictly.
  const input = { TableName: name, KeySchema, AttributeDefinitions, BillingMode, GlobalSecondaryIndexes };
  await world.clients.dynamodb.send(new CreateTableCommand(input as CreateTableCommandInput));
  const ttl = properties.structure("TimeToLiveSpecification", ["AttributeName", "Enabled"]);
  if (ttl?.flag("Enabled") === true) {
    const TimeToLiveSpecification = { Enabled: true, AttributeName: ttl.requireText("AttributeName") };
    await world.clients.dynamodb.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification }));
  }
  return { ref: name, attributes: { Arn: arn("dynamodb", `table/${name}`) } };
};

const BUCKET_WITHOUT_EFFECT = [
  "BucketEncryption",
  "PublicAccessBlockConfiguration",
  "OwnershipControls",
  // Expiry is S3's own work, days later; no call changes with it.
  "LifecycleConfiguration",
  "Tags",
];

export const makeBucket: Maker = async (resource, world) => {
  const properties = propertiesOf(resource, ["BucketName", ...BUCKET_WITHOUT_EFFECT]);
  const name = properties.text("BucketName") ?? physicalName(world, resource.logicalId, 63).toLowerCase();
  await world.clients.s3.send(new CreateBucketCommand({ Bucket: name }));
  return { ref: name, attributes: { Arn: `arn:aws:s3:::${name}`, DomainName: `${name}.s3.amazonaws.com` } };
};

export const makeBucketPolicy: Maker = (resource, world) => {
  const properties = propertiesOf(resource, ["Bucket", "PolicyDocument"]);
  const bucket = properties.requireText("Bucket");
  world.iam.putResourcePolicy(
    `arn:aws:s3:::${bucket}`,
    readPolicy(properties.raw("PolicyDocument"), resource.logicalId),
  );
  return { ref: bucket, attributes: {} };
};

const GENERATED_LENGTH = 32;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PUNCTUATION = "!#$%&()*+,-./:;<=>?@[]^_`{|}~";

export const makeSecret: Maker = async (resource, world) => {
  const properties = propertiesOf(resource, ["Name", "Description", "SecretString", "GenerateSecretString", "Tags"]);
  const name = properties.text("Name") ?? physicalName(world, resource.logicalId, 64);
  const generated = properties.structure("GenerateSecretString", [
    "SecretStringTemplate",
    "GenerateStringKey",
    "PasswordLength",
    "ExcludePunctuation",
  ]);
  const SecretString = generated === undefined ? properties.text("SecretString") : generatedText(generated, world);
  const input = { Name: name, ...(SecretString === undefined ? {} : { SecretString }) };
  const answer = await world.aws.call("secretsmanager", "CreateSecret", input, world.trusted);
  const secretArn = String(answer["ARN"]);
  return { ref: secretArn, attributes: { Id: secretArn } };
};

function generatedText(generated: Parameters, { random }: DeploymentWorld): string {
  const characters = generated.flag("ExcludePunctuation") === true ? LETTERS : LETTERS + PUNCTUATION;
  const bytes = random.bytes(generated.integer("PasswordLength") ?? GENERATED_LENGTH);
  const text = Array.from(bytes, (byte) => characters.charAt(byte % characters.length)).join("");
  const key = generated.text("GenerateStringKey");
  if (key === undefined) return text;
  const template: object = JSON.parse(generated.text("SecretStringTemplate") ?? "{}");
  return JSON.stringify({ ...template, [key]: text });
}
