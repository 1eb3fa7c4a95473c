locals {
  # The files are policies of AWS apart from the bucket's ARN, and the tests try them against an S3 server.
  policies = merge(
    {
      for name in ["reader", "writer", "pruner"] :
      name => templatefile("${path.module}/policies/${name}.json", { arn = aws_s3_bucket.lifeboat.arn })
    },
    {
      drill = templatefile("${path.module}/policies/drill.json", { arn = aws_s3_bucket.lifeboat.arn, mirror = var.mirror })
    },
    {
      for cluster in var.clusters : cluster => templatefile(
        "${path.module}/policies/cluster.json",
        { arn = aws_s3_bucket.lifeboat.arn, cluster = cluster },
      )
    },
  )
}

resource "aws_iam_policy" "this" {
  for_each = local.policies
  name     = "${var.bucket}-${each.key}"
  policy   = each.value
}

resource "aws_iam_user" "this" {
  for_each = var.users
  name     = "${var.bucket}-${each.key}"
}

resource "aws_iam_user_policy_attachment" "this" {
  for_each   = var.users
  user       = aws_iam_user.this[each.key].name
  policy_arn = aws_iam_policy.this[each.key].arn
}

resource "aws_iam_access_key" "this" {
  for_each = var.users
  user     = aws_iam_user.this[each.key].name
}

# One service account of one namespace of one cluster, and no other, because an issuer signs for all of its accounts.
resource "aws_iam_role" "this" {
  for_each = var.identities
  name     = "${var.bucket}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = each.value.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${each.value.issuer}:aud" = "sts.amazonaws.com"
          "${each.value.issuer}:sub" = "system:serviceaccount:${each.value.namespace}:${each.value.service_account}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = var.identities
  role       = aws_iam_role.this[each.key].name
  policy_arn = aws_iam_policy.this[each.key].arn
}
