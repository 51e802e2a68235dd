using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Xen;

/// <summary>The store's nodes in saved state.</summary>
internal static class StoreState
{
    // A path has no more names than half its characters.
    private const int MaximumDepth = StoreLimits.AbsolutePath / 2 + 1;

    public static void Write(StateWriter writer, StoreNode node)
    {
        writer.Bytes(node.Value);
        writer.UInt64(node.Generation);
        writer.Int32(node.Permissions.Length);
        foreach (StorePermission permission in node.Permissions)
        {
            writer.UInt32(permission.Domain);
            writer.Bool(permission.Reads);
            writer.Bool(permission.Writes);
        }

        writer.Int32(node.Children.Count);
        foreach ((string name, StoreNode child) in node.Children)
        {
            StoreText.Save(writer, name);
            Write(writer, child);
        }
    }

    /// <exception cref="InvalidDataException">No tree can look like that.</exception>
    public static StoreNode Read(StateReader reader) => Read(reader, 0);

    private static StoreNode Read(StateReader reader, int depth)
    {
        byte[] value = reader.Bytes().ToArray();
        ulong generation = reader.UInt64();
        int count = reader.Int32();
        if (count is < 1 or > StoreLimits.Permissions || depth > MaximumDepth)
        {
            throw new InvalidDataException("The saved state has a node that no guest could have made.");
        }

        var permissions = new StorePermission[count];
        for (int i = 0; i < count; i++)
        {
            permissions[i] = new StorePermission(reader.UInt32(), reader.Bool(), reader.Bool());
        }

        var children = StoreNode.NoChildren.ToBuilder();
        for (int left = reader.Int32(); left > 0; left--)
        {
            string name = StoreText.Restore(reader);
            children[name] = Read(reader, depth + 1);
        }

        return new StoreNode(value, permissions, generation, children.ToImmutable());
    }
}
