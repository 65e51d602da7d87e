drop table room_invitations;
