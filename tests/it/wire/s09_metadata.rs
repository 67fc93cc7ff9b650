//! Section 9: tables, columns, keys and relationships as the instance describes them.

use super::Mark::{Doc, MsSrc};
use super::{Golden, golden};

pub const GOLDENS: &[Golden] = &[
    golden(
        "9.1",
        &[Doc],
        "a table is described",
        &[],
        "GET EntityDefinitions(LogicalName='account')?$select=LogicalName,EntitySetName,PrimaryIdAttribute,\
         PrimaryNameAttribute,ChangeTrackingEnabled",
        "200\n\n{\"@odata.context\":\"«root»$metadata#EntityDefinitions(LogicalName,EntitySetName,PrimaryIdAttribute,\
         PrimaryNameAttribute,ChangeTrackingEnabled)/$entity\",\"LogicalName\":\"account\",\"EntitySetName\":\"accounts\",\
         \"PrimaryIdAttribute\":\"accountid\",\"PrimaryNameAttribute\":\"name\",\"ChangeTrackingEnabled\":true,\
         \"MetadataId\":\"«guid»\"}",
    ),
    golden(
        "9.1",
        &[MsSrc],
        "a table is found by its name",
        &[],
        "GET EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter=LogicalName eq 'account'",
        "200\n\n{\"value\":[{\"LogicalName\":\"account\",\"EntitySetName\":\"accounts\",\
         \"PrimaryIdAttribute\":\"accountid\",\"MetadataId\":\"«guid»\",\"…\":0}],\"…\":0}",
    ),
    golden(
        "4.1",
        &[Doc],
        "the tables with change tracking are listed",
        &[],
        "GET EntityDefinitions?$select=LogicalName,EntitySetName&$filter=ChangeTrackingEnabled eq true",
        "200\n\n{\"value\":[{\"LogicalName\":\"«any»\",\"EntitySetName\":\"«any»\",\"MetadataId\":\"«guid»\",\"…\":0},\"…\"],\"…\":0}",
    ),
    golden(
        "2.6",
        &[Doc],
        "the keys of a table are read",
        &[],
        "GET EntityDefinitions(LogicalName='account')?$select=SchemaName&\
         $expand=Keys($select=SchemaName,KeyAttributes,EntityKeyIndexStatus)",
        "200\n\n{\"SchemaName\":\"Account\",\"Keys\":[{\"SchemaName\":\"«any»\",\"KeyAttributes\":[\"accountnumber\"],\
         \"EntityKeyIndexStatus\":\"Active\",\"MetadataId\":\"«guid»\",\"…\":0}],\"…\":0}",
    ),
    golden(
        "9.1",
        &[Doc],
        "columns of a requirement level",
        &[],
        "GET EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName,AttributeType,RequiredLevel&\
         $filter=RequiredLevel/Value eq Microsoft.Dynamics.CRM.AttributeRequiredLevel'ApplicationRequired'",
        "200\n\n{\"value\":[{\"LogicalName\":\"name\",\"AttributeType\":\"String\",\
         \"RequiredLevel\":{\"Value\":\"ApplicationRequired\",\"…\":0},\"…\":0},\"…\"],\"…\":0}",
    ),
    golden(
        "9.1",
        &[Doc, MsSrc],
        "columns of a type with their options",
        &[],
        "GET EntityDefinitions(LogicalName='incident')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata\
         ?$select=LogicalName&$expand=OptionSet($select=Options)",
        "200\n\n{\"value\":[{\"LogicalName\":\"«any»\",\"OptionSet\":{\"Options\":[{\"Value\":\"«int»\",\
         \"Label\":{\"LocalizedLabels\":[{\"Label\":\"«any»\",\"LanguageCode\":1033,\"…\":0}],\"UserLocalizedLabel\":{\"…\":0},\"…\":0},\
         \"…\":0},\"…\"],\"…\":0},\"…\":0},\"…\"],\"…\":0}",
    ),
    golden(
        "9.1",
        &[Doc],
        "a table that there is not",
        &[],
        "GET EntityDefinitions(LogicalName='nonsense')",
        "404 NotFound\n\n{\"error\":{\"code\":\"«any»\",\"message\":\"«any»\"}}",
    ),
    golden(
        "9.1",
        &[Doc],
        "a table is described with its keys",
        &[],
        "GET EntityDefinitions(LogicalName='account')?$select=LogicalName,EntitySetName,PrimaryIdAttribute,\
         PrimaryNameAttribute,IsOptimisticConcurrencyEnabled,ChangeTrackingEnabled,TableType,IsActivity,IsIntersect,DataProviderId&\
         $expand=Keys($select=SchemaName,KeyAttributes,EntityKeyIndexStatus)",
        "200\n\n{\"LogicalName\":\"account\",\"IsOptimisticConcurrencyEnabled\":true,\"ChangeTrackingEnabled\":true,\"TableType\":\"Standard\",\
         \"IsActivity\":false,\"IsIntersect\":false,\"DataProviderId\":null,\
         \"Keys\":[{\"KeyAttributes\":[\"accountnumber\"],\"…\":0}],\"…\":0}",
    ),
    golden(
        "9.1",
        &[Doc],
        "all columns of a table are described",
        &[],
        "GET EntityDefinitions(LogicalName='account')/Attributes",
        "200\n\n{\"value\":[{\"LogicalName\":\"«any»\",\"AttributeType\":\"«any»\",\"RequiredLevel\":{\"Value\":\"«any»\",\"…\":0},\
         \"…\":0},\"…\"],\"…\":0}",
    ),
    golden(
        "9.1",
        &[Doc],
        "the names that lookups are bound by",
        &[],
        "GET EntityDefinitions(LogicalName='account')/ManyToOneRelationships?$select=ReferencingAttribute,\
         ReferencedEntity,ReferencingEntityNavigationPropertyName",
        "200\n\n{\"value\":[{\"ReferencingAttribute\":\"«any»\",\"ReferencedEntity\":\"«any»\",\
         \"ReferencingEntityNavigationPropertyName\":\"«any»\",\"…\":0},\"…\"],\"…\":0}",
    ),
    golden(
        "9.1",
        &[Doc],
        "the options of all choices of a table",
        &[],
        "GET EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata\
         ?$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)",
        "200\n\n{\"value\":[{\"LogicalName\":\"«any»\",\"OptionSet\":{\"Options\":[{\"Value\":\"«int»\",\"…\":0},\"…\"],\"…\":0},\
         \"…\":0},\"…\"],\"…\":0}",
    ),
];
